"""The gate: without a session nothing of the dashboard is answered, be it page, asset or socket."""

from __future__ import annotations

from typing import Final
from urllib.parse import quote

from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from plait.dashboard.front.addresses import same_origin
from plait.dashboard.front.leash import Leash
from plait.dashboard.front.session import COOKIE, Session, Sessions

OPEN: Final = frozenset({"/login", "/logout", "/health", "/health/live", "/health/ready"})
"""Paths that answer without a session."""
PARTS: Final = ("/static/", "/media/", "/_stcore/", "/component/", "/app/", "/api/")
"""What pages are made of: refused, not sent to the login form."""
_READING: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_CLOSED: Final = ("/_stcore/metrics", "/auth/", "/oauth2callback")
"""What Streamlit would answer and no page of ours needs: how many others are here, and its own way of logging in."""
_POLICY_VIOLATION: Final = 1008


class Gate:
    """ASGI middleware: nothing passes without a session; writing requests and sockets come from our own pages alone."""

    def __init__(self, app: ASGIApp, sessions: Sessions) -> None:
        self.app = app
        self.sessions = sessions

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, or refuse."""
        if scope["type"] == "http":
            refusal = self._refusal(scope)
            await (refusal or self.app)(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._socket(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    def _session(self, scope: Scope) -> Session | None:
        """The caller's session; what stands behind the gate finds it, and what its key opens, in the scope's state."""
        session = self.sessions.read(HTTPConnection(scope).cookies.get(COOKIE, ""))
        grant = self.sessions.grant_of(session) if session else None
        if session is None or grant is None:
            return None
        scope.setdefault("state", {}).update(session=session, grant=grant)
        return session

    def _refusal(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        if scope["method"] not in _READING and "origin" in headers and not same_origin(headers):
            return PlainTextResponse("This came from another site's page.", 403)
        if scope["path"] in OPEN:
            return None
        if self._session(scope):
            return _superfluous(scope)
        if _wants_page(scope, headers):
            return RedirectResponse(f"/login?next={quote(_address(scope), safe='')}", 303)
        return PlainTextResponse("Log in first.", 401)

    async def _socket(self, scope: Scope, receive: Receive, send: Send) -> None:
        session = self._session(scope) if same_origin(Headers(scope=scope)) else None
        if session is None:
            await send({"type": "websocket.close", "code": _POLICY_VIOLATION})
            return
        await Leash(receive, send).hold(self.app, scope, self.sessions.over(session))


def _superfluous(scope: Scope) -> Response | None:
    """The refusal of what even visitors have no use for. Pages change things over their socket alone.

    Streamlit would take files, and keep as many as it is given.
    """
    if scope["method"] not in _READING:
        return PlainTextResponse("Nothing is written here.", 405, {"allow": "GET, HEAD, OPTIONS"})
    if scope["path"].startswith(_CLOSED):
        return PlainTextResponse("There is no such page.", 404)
    return None


def _wants_page(scope: Scope, headers: Headers) -> bool:
    accepted = headers.get("accept", "*/*")
    readable = "text/html" in accepted or "*/*" in accepted
    return scope["method"] in {"GET", "HEAD"} and readable and not scope["path"].startswith(PARTS)


def _address(scope: Scope) -> str:
    query = scope["query_string"].decode("latin-1")
    return quote(scope["path"]) + (f"?{query}" if query else "")
