"""What the first visitor would wait for is done while nobody waits: pages, templates and libraries, a connection."""

from __future__ import annotations

import asyncio
import gc
import pkgutil
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from importlib import import_module
from typing import Any, Final

import structlog
from streamlit.web.server.starlette import App

from plait.common.errors import DependencyDown
from plait.common.queries.paging import Reader
from plait.dashboard import views
from plait.dashboard.database import Database
from plait.dashboard.islands.messages import Said
from plait.dashboard.islands.render import TEMPLATES

_log = structlog.get_logger()

_BY_STREAMLIT: Final = ("pandas", "PIL.Image")
"""What Streamlit loads in the first run of a script, whatever that draws."""
_TALK: Final[list[dict[str, Any]]] = [
    {"role": "user", "content": "```python\nx = 1\n```\n\n```sql\nSELECT 1\n```\n\n| a | b |\n|---|---|\n| 1 | 2 |"},
    {"role": "assistant", "content": [{"type": "tool_use", "id": "1", "name": "Read", "input": {"file_path": "a.py"}}]},
    {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "1", "content": "1\tx = 1"}]},
]
"""Messages that take all that any are drawn with: Markdown, a table, code by name and by file, a call, a result."""


def warmed(database: Database) -> Callable[[App], AbstractAsyncContextManager[None]]:
    """A lifespan that loads everything, and then lets the serving begin.

    Components register with Streamlit's runtime, which is there by then: so nothing may import a page before.
    """

    @asynccontextmanager
    async def lifespan(_: App) -> AsyncIterator[None]:
        await asyncio.to_thread(_warm, database)
        _leave_alone()
        yield

    return lifespan


def _warm(database: Database) -> None:
    for page in pkgutil.iter_modules(views.__path__, f"{views.__name__}."):
        import_module(page.name)
    for library in _BY_STREAMLIT:
        import_module(library)
    _draw()
    try:
        database.read(None, _ask)
    except DependencyDown as away:
        _log.warning("started without a database", reason=str(away))


def _leave_alone() -> None:
    """Streamlit collects garbage after each run of a script: looking through all that was loaded took 85 ms of each."""
    gc.collect()
    gc.freeze()


def _draw() -> None:
    """Templates are compiled, and lexers loaded, when they are first used."""
    for name in TEMPLATES.list_templates(["html"]):
        TEMPLATES.get_template(name)
    Said(_TALK).draw()


async def _ask(db: Reader) -> None:
    await db.fetchval("SELECT 1")
