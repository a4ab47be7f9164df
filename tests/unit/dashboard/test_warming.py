"""Before a dashboard serves, everything that pages draw with is loaded, whether or not there is a database."""

from __future__ import annotations

import gc
import sys
from collections.abc import Collection, Iterator
from typing import Any, cast

import pytest
from streamlit.web.server.starlette import App

from plait.common.errors import DependencyDown
from plait.dashboard.database import Database
from plait.dashboard.front.warming import warmed
from plait.dashboard.islands.render import TEMPLATES


class Away:
    """A database that does not answer."""

    def read(self, _: Collection[str] | None, __: Any) -> None:
        raise DependencyDown("Postgres does not answer")


@pytest.fixture(autouse=True)
def _as_it_was() -> Iterator[None]:
    yield
    gc.unfreeze()


async def test_it_serves_when_all_is_loaded_even_without_a_database() -> None:
    assert TEMPLATES.cache is not None
    TEMPLATES.cache.clear()
    async with warmed(cast("Database", Away()))(cast("App", None)):
        assert {name for _, name in TEMPLATES.cache} >= set(TEMPLATES.list_templates(["html"]))
        assert {"pandas", "plait.dashboard.views.request"} <= set(sys.modules)


async def test_what_was_loaded_is_no_garbage_to_be_looked_through() -> None:
    async with warmed(cast("Database", Away()))(cast("App", None)):
        assert gc.get_freeze_count() > len(gc.get_objects())
