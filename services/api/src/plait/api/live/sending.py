"""Sends a stream of events for as long as somebody reads it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from typing import Final

import structlog
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

_log = structlog.get_logger()

_STALLED_S: Final = 20.0
"""How long a piece may take to be taken off our hands; then the connection is given up."""
MEDIA_TYPE: Final = "text/event-stream"


class EventStream(Response):
    """An answer that goes on until its pieces end, or nobody reads them."""

    media_type = MEDIA_TYPE
    charset = "utf-8"

    def __init__(self, pieces: AsyncGenerator[bytes, None], on_gone: Callable[[], None]) -> None:
        """`on_gone` is called when the reader has left: the pieces should end then."""
        super().__init__(headers={"X-Accel-Buffering": "no"})
        del self.headers["content-length"]
        self._pieces = pieces
        self._on_gone = on_gone

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI
        """Send it."""
        watching = asyncio.create_task(self._watch(receive))
        try:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            async for piece in self._pieces:
                async with asyncio.timeout(_STALLED_S):
                    await send({"type": "http.response.body", "body": piece, "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        except TimeoutError:
            _log.info("a listener does not read, the connection is given up")
        finally:
            watching.cancel()
            await self._pieces.aclose()

    async def _watch(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self._on_gone()
