"""What stands before every route: an id for each call, and the key."""

from __future__ import annotations

import math
import re
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from plait.api.errors import BadParameter, refusal
from plait.api.throttle import Throttle
from plait.common.access.doors import Doors
from plait.common.ids import new_exchange_id

_GIVEN: Final = re.compile(r"[A-Za-z0-9._-]{1,128}")
_BEARER: Final = re.compile(r"Bearer +(\S+)", re.IGNORECASE)
_OPEN: Final = frozenset({"/health", "/openapi.json", "/docs"})
_MOST_BODY_BYTES: Final = 64 * 1024
"""Of a call: what may be asked for is a tenth of it, however its characters are written."""

NO_KEY: Final = (
    "No DASHBOARD_API_KEY is configured, so nothing is shown to anybody. Set it and start the API again;"
    " `plait up` makes one by itself and prints it."
)
_MISSING: Final = "A key is required: send it as X-Dashboard-Key, X-API-Key, or Authorization: Bearer."
_WRONG: Final = (
    "This key opens nothing here. It must be one that Plait runs with, or one made by `plait keys new --role`."
)
_TOO_MANY: Final = "This key has made too many calls: wait for as long as Retry-After says."


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
    """Lets nobody in who has no key, and nobody too often; the call is marked with what its key opens."""

    def __init__(self, app: ASGIApp, doors: Doors, throttle: Throttle) -> None:
        self._app = app
        self._doors = doors
        self._throttle = throttle

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse the call, or pass it on."""
        if scope["type"] == "http" and not is_open(scope["path"]) and (refused := self._admit(scope)):
            await refused(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _admit(self, scope: Scope) -> Response | None:
        """Mark the call; the refusal of one that may not pass."""
        request_id = scope["state"]["request_id"]
        given = _keys(Headers(scope=scope))
        if not given or not self._doors.has_keys():
            why = _MISSING if self._doors.has_keys() else NO_KEY
            return refusal(401, why, request_id, {"WWW-Authenticate": "Bearer"})
        grants = [grant for grant in map(self._doors.grant_of, given) if grant]
        if not grants:
            return refusal(403, _WRONG, request_id)
        scope["state"]["grant"] = grants[0]
        if wait := self._throttle.wait(grants[0].name):
            return refusal(429, _TOO_MANY, request_id, {"Retry-After": str(math.ceil(wait))})
        return None


class BoundedBody:
    """Reads no body further than any that a route takes: what is read is kept in memory as a whole."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the call on; whoever reads too much of it is told that it is wrong."""
        size = 0

        async def bounded() -> Message:
            nonlocal size
            message = await receive()
            size += len(message.get("body", b""))
            if size > _MOST_BODY_BYTES:
                raise BadParameter("body", f"is longer than {_MOST_BODY_BYTES >> 10} KiB")
            return message

        writes = scope["type"] == "http" and scope["method"] == "POST"
        await self._app(scope, bounded if writes else receive, send)


def is_open(path: str) -> bool:
    """Whether a path is for everybody: it shows nothing that was recorded."""
    return path in _OPEN or path.startswith("/health/")


def _keys(headers: Headers) -> list[str]:
    """Every key that was sent: a client behind the gateway may send the provider's as X-API-Key beside ours."""
    bearer = _BEARER.fullmatch(headers.get("authorization", ""))
    sent = (headers.get("x-dashboard-key"), headers.get("x-api-key"), bearer and bearer[1])
    return [key for key in sent if key]
