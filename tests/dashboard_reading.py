"""Pages run in the tests' own process: who looks at them, and what they read."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import streamlit as st
from streamlit.testing.v1 import AppTest

from plait.common.access.grants import Grant
from plait.dashboard import database, visitor
from plait.dashboard.visitor import Visitor

ADMINISTRATOR = Visitor(Grant("tests", "admin"))


@contextmanager
def reading_from(address: str, who: Visitor = ADMINISTRATOR) -> Iterator[None]:
    """Pages read that database, for `who`."""
    reading = database.Database(address)
    database.attach(reading)
    visitor.attach(lambda _: who)
    try:
        yield
    finally:
        st.cache_data.clear()  # what pages keep for some seconds is of this database
        visitor.attach(None)
        database.attach(None)
        reading.close()


def view(page: Callable[[], None], seconds: float = 60, /, **parameters: object) -> AppTest:
    """A page with these parameters in its address, after its first run, which may take so many seconds."""
    test = AppTest.from_function(page, default_timeout=seconds)
    for name, value in parameters.items():
        test.query_params[name] = str(value)
    return test.run()


def drawn(test: AppTest) -> str:
    """The HTML of all islands of a page that ran well."""
    assert not test.exception, test.exception
    return "\n".join(json.loads(element.proto.json).get("html", "") for element in test.get("bidi_component"))
