"""A request's head as the server gives it, and its body, read whole and counted."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace

from plait.common.errors import PlaitError
from plait.gateway.access_log import RefusalLine
from plait.gateway.relay.fields import TAG, Fields, value_of
from plait.gateway.relay.refusals import Refusal, slow_body, too_large
from plait.gateway.relay.retries import ATTEMPT

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

TARGET: Final = "plait.target"
"""The extension of a scope that says what ASGI does not of its target: `bare_query`, a `?` that nothing follows."""
_TAG_PREFIX: Final = b"/t/"
_DRAIN_SECONDS: Final = 10
_BODY_SECONDS: Final = 75
"""How long the next bytes of a body may take."""
_LONGEST_LOGGED: Final = 255
_ANNOUNCING: Final = frozenset({b"content-length", b"transfer-encoding"})


class ClientGone(PlaitError):
    """The client closed the connection inside its request's body."""

    def __init__(self, seen: bytes) -> None:
        super().__init__("the client closed the connection before its request was whole")
        self.seen = seen
        """What had come of the body."""


class Body:
    """A request's body for as long as somebody needs it: answers may run for minutes, and bodies may have 32 MB."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.since = time.perf_counter()
        """When it was whole, or was to be sent anew."""

    def drop(self) -> None:
        """Let go of the bytes."""
        self.data = b""


class Call(Struct, frozen=True, gc=False):
    """One request's head. `path` and `query` are bytes exactly as received, the path without its tag's prefix."""

    method: str
    path: bytes
    query: bytes
    fields: Fields
    tag: str | None
    """Of the path, else of the field `x-plait-tag`."""
    client_address: str | None
    started_at: float
    """Unix seconds."""
    began: float
    """The same moment on `time.perf_counter()`."""
    bare_query: bool = False
    """Whether the target ends with a `?` that nothing follows."""

    def again(self, attempt: int) -> Call:
        """The same request, asked anew now; its record says which attempt it is."""
        fields = [*self.fields, (ATTEMPT, b"%d" % attempt)]
        return replace(self, fields=fields, started_at=time.time(), began=time.perf_counter())

    @property
    def target(self) -> bytes:
        """Path and query as they go upstream."""
        return self.path + (b"?" + self.query if self.query or self.bare_query else b"")

    @property
    def announces_body(self) -> bool:
        """Whether its head says that a body follows, if only an empty one."""
        return any(name in _ANNOUNCING for name, _ in self.fields)


def call_of(scope: Scope) -> Call:
    """Read a request's head off an ASGI scope."""
    tag, path = _split_tag(scope["raw_path"])
    return Call(
        method=scope["method"],
        path=path,
        query=scope["query_string"],
        fields=scope["headers"],
        tag=tag or _tag_field(scope["headers"]),
        client_address=scope["client"][0] if scope.get("client") else None,
        started_at=time.time(),
        began=time.perf_counter(),
        bare_query=scope["extensions"][TARGET]["bare_query"],
    )


def refusal_line(refusal: Refusal, exchange: bytes, call: Call | None) -> RefusalLine:
    """What the log tells of a refusal now; `call` is None where the head could not be read."""
    status, reason = refusal.status, refusal.reason
    if call is None:
        return RefusalLine(time.time(), exchange, status, reason, domain=None, method=None, path=None)
    asked, path = _short(value_of(call.fields, b"host")), _short(call.path)
    return RefusalLine(time.time(), exchange, status, reason, asked, call.method, path)


def _short(value: bytes | None) -> str | None:
    """Of a stranger's text no more than a line of the log may have."""
    return None if value is None else value[:_LONGEST_LOGGED].decode("ascii", "backslashreplace")


def _tag_field(fields: Fields) -> str | None:
    tag = value_of(fields, TAG)
    return tag.decode("latin-1") if tag else None


def _split_tag(path: bytes) -> tuple[str | None, bytes]:
    """`/t/<tag>/rest` is `/rest` with a tag (api.md)."""
    if not path.startswith(_TAG_PREFIX):
        return None, path
    tag, slash, rest = path[len(_TAG_PREFIX) :].partition(b"/")
    return (tag.decode("latin-1"), slash + rest) if tag and slash else (None, path)


async def read_body(call: Call, receive: Receive, limit: int) -> Body:
    """The whole body.

    Raises:
        Refusal: it is over `limit` bytes, by its length or by count, or stopped coming.
        ClientGone: it was not sent to its end.
    """
    length = value_of(call.fields, b"content-length")
    if length is not None and int(length) > limit:
        raise too_large(limit)
    parts: list[bytes] = []
    size, more = 0, True
    while more:
        try:
            async with asyncio.timeout(_BODY_SECONDS):
                message = await receive()
        except TimeoutError as error:
            raise slow_body(_BODY_SECONDS) from error
        if message["type"] == "http.disconnect":
            raise ClientGone(b"".join(parts))
        parts.append(message["body"])
        size += len(message["body"])
        if size > limit:
            raise too_large(limit)
        more = message["more_body"]
    return Body(parts[0] if len(parts) == 1 else b"".join(parts))


async def drain(receive: Receive) -> None:
    """Throw the rest of a refused body away: closing on unread bytes would reset the connection under our answer."""
    message: Message = {"more_body": True}
    try:
        async with asyncio.timeout(_DRAIN_SECONDS):
            while message.get("more_body"):
                message = await receive()
    except TimeoutError:
        return


async def gone(receive: Receive) -> None:
    """Returns when the client has closed its connection, or has been answered."""
    while (await receive())["type"] != "http.disconnect":
        pass
