"""What stands before every route: an id for each call, and the key."""

from __future__ import annotations

import hashlib
import hmac
import re
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from plait.api.errors import refusal
from plait.common.ids import new_exchange_id

_GIVEN: Final = re.compile(r"[A-Za-z0-9._-]{1,128}")
_BEARER: Final = re.compile(r"Bearer +(\S+)", re.IGNORECASE)
_CLOSED: Final = "/api"

NO_KEY: Final = (
    "No DASHBOARD_API_KEY is configured, so nothing is shown to anybody. Set it and start the API again;"
    " `plait up` makes one by itself and prints it."
)
_MISSING: Final = "A key is required: send it as X-Dashboard-Key, X-API-Key, or Authorization: Bearer."
_WRONG: Final = "This key opens nothing here. It must be the DASHBOARD_API_KEY that Plait runs with."


class CallId:
    """Gives each call an id, the one in its `X-Request-ID` if that is sane, and sends it back with the answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Mark the call and its answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = Headers(scope=scope).get("x-request-id", "")
        request_id = given if _GIVEN.fullmatch(given) else str(new_exchange_id())
        scope.setdefault("state", {})["request_id"] = request_id

        async def marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["X-Request-ID"] = request_id
                headers["Cache-Control"] = "no-store"
                headers["X-Content-Type-Options"] = "nosniff"
            await send(message)

        await self._app(scope, receive, marked)


class KeyGate:
    """Lets nobody under `/api` who has not the key; keys are compared as digests, in constant time."""

    def __init__(self, app: ASGIApp, key: str | None) -> None:
        self._app = app
        self._digest = _digest(key) if key else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse the call, or pass it on."""
        if scope["type"] == "http" and _closed(scope["path"]) and (why := self._refused(Headers(scope=scope))):
            status, message = why
            challenge = {"WWW-Authenticate": "Bearer"} if status == 401 else None
            await refusal(status, message, scope["state"]["request_id"], challenge)(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _refused(self, headers: Headers) -> tuple[int, str] | None:
        if self._digest is None:
            return 401, NO_KEY
        given = _keys(headers)
        if not given:
            return 401, _MISSING
        right = [hmac.compare_digest(_digest(key), self._digest) for key in given]
        return None if any(right) else (403, _WRONG)


def _closed(path: str) -> bool:
    return path == _CLOSED or path.startswith(f"{_CLOSED}/")


def _keys(headers: Headers) -> list[str]:
    """Every key that was sent: a client behind the gateway may send the provider's as X-API-Key beside ours."""
    bearer = _BEARER.fullmatch(headers.get("authorization", ""))
    sent = (headers.get("x-dashboard-key"), headers.get("x-api-key"), bearer and bearer[1])
    return [key for key in sent if key]


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()
