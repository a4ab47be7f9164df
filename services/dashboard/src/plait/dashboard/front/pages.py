"""Which addresses are pages: those get Streamlit's client, any other one a page that says that there is none."""

from __future__ import annotations

from typing import Final

from starlette.responses import HTMLResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from plait.dashboard.front.gate import OPEN, PARTS
from plait.dashboard.front.index import index
from plait.dashboard.front.plain import page

PATHS: Final = frozenset(
    {
        *("/", "/conversation", "/requests", "/request", "/compare", "/usage", "/limits", "/analyses"),
        *("/system", "/settings", "/search"),
    }
)
"""The pages of `script.py`."""
_FILES: Final = frozenset({"/favicon.png", "/manifest.json"})
"""Of Streamlit's, beside what is in folders."""
_READING: Final = frozenset({"GET", "HEAD"})


class Pages:
    """ASGI middleware behind the gate. Streamlit would give its client to any path, which then says in a window that
    there is no such page, and shows another one behind it."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or pass on what is no page."""
        await (_answer(scope) or self.app)(scope, receive, send)


def _answer(scope: Scope) -> Response | None:
    if scope["type"] != "http" or scope["method"] not in _READING:
        return None
    path = scope["path"]
    if path in PATHS:
        return HTMLResponse(index(), headers={"cache-control": "no-cache"})
    if path in OPEN or path in _FILES or path.startswith(PARTS):
        return None
    return HTMLResponse(page("nowhere.html"), 404, {"cache-control": "no-store"})
