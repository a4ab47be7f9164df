"""What the first visitor would wait for is loaded while nobody waits: pages and their libraries, a connection."""

from __future__ import annotations

import asyncio
import pkgutil
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from importlib import import_module

import structlog
from streamlit.web.server.starlette import App

from plait.common.errors import DependencyDown
from plait.common.queries.paging import Reader
from plait.dashboard import views
from plait.dashboard.database import Database

_log = structlog.get_logger()


def warmed(database: Database) -> Callable[[App], AbstractAsyncContextManager[None]]:
    """A lifespan that loads everything, and then lets the serving begin.

    Components register with Streamlit's runtime, which is there by then: so nothing may import a page before.
    """

    @asynccontextmanager
    async def lifespan(_: App) -> AsyncIterator[None]:
        await asyncio.to_thread(_warm, database)
        yield

    return lifespan


def _warm(database: Database) -> None:
    for page in pkgutil.iter_modules(views.__path__, f"{views.__name__}."):
        import_module(page.name)
    try:
        database.read(None, _ask)
    except DependencyDown as away:
        _log.warning("started without a database", reason=str(away))


async def _ask(db: Reader) -> None:
    await db.fetchval("SELECT 1")
