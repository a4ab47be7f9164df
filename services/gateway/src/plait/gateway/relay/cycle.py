"""uvicorn's answer to one request, with what it does not know of: clients without chunks, and reasons of upstream's."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final, cast

from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

if TYPE_CHECKING:
    from uvicorn._types import ASGISendEvent

REASON: Final = "plait.reason"
"""In a message that begins an answer: what stands behind its status, in place of the usual words."""


class Cycle(RequestResponseCycle):
    """An answer that HTTP/1.0 gets without chunks, ended by its connection where it has no length (RFC 9112, 6.1)."""

    ends_with_connection = False

    async def send(self, message: ASGISendEvent) -> None:
        """As ASGI has it."""
        if message["type"] == "http.response.start":
            await self._begin(cast("dict[str, Any]", message))
            return
        if self.ends_with_connection:
            self.expected_content_length = len(cast("dict[str, Any]", message).get("body", b""))
        await super().send(message)

    async def _begin(self, message: dict[str, Any]) -> None:
        has_length = any(name.lower() == b"content-length" for name, _ in message["headers"])
        if self.scope["http_version"] == "1.0" and not has_length:
            self.chunked_encoding, self.ends_with_connection = False, True
        reason = message.pop(REASON, None)
        if self.flow.write_paused and not self.disconnected:
            await self.flow.drain()  # before, so that nothing comes between what follows
        transport = self.transport
        if reason is not None:
            line = b"HTTP/1.1 %d %b" % (message["status"], reason)
            self.transport = cast("asyncio.Transport", _Renamed(transport, line))
        try:
            await super().send(cast("ASGISendEvent", message))
        finally:
            self.transport = transport


class _Renamed:
    """Takes a head, and gives it on with another first line."""

    def __init__(self, transport: asyncio.Transport, line: bytes) -> None:
        self._transport = transport
        self._line = line

    def write(self, head: bytes) -> None:
        self._transport.write(self._line + head[head.index(b"\r\n") :])
