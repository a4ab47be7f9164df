"""An answer of events that goes on until they end, the reader leaves or stops reading, or their session is over."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Coroutine
from typing import Any, Final

import structlog
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

_log = structlog.get_logger()

_STALLED_S: Final = 20.0
"""How long a piece may take to be taken off our hands; then the connection is given up."""
LOGGED_OUT: Final = b'event: closed\ndata: {"reason":"logged out"}\n\n'
"""The last event of a stream whose reader's session has ended."""


class EventStream(Response):
    """Sends events as they come."""

    media_type = "text/event-stream"
    charset = "utf-8"

    def __init__(self, pieces: AsyncGenerator[bytes, None], over: Coroutine[Any, Any, None]) -> None:
        """`over` returns when the reader's session has ended."""
        super().__init__(headers={"x-accel-buffering": "no", "cache-control": "no-store"})
        del self.headers["content-length"]
        self._pieces = pieces
        self._over = over

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI
        """Send it."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        sending = asyncio.create_task(self._send(send))
        leaving = asyncio.create_task(_left(receive))
        over = asyncio.create_task(self._over)
        try:
            await asyncio.wait({sending, leaving, over}, return_when=asyncio.FIRST_COMPLETED)
            is_over = over.done()
        finally:
            await _end(sending, leaving, over)
            await self._pieces.aclose()
        if leaving.cancelled():
            await self._finish(send, sending, LOGGED_OUT if is_over else b"")

    async def _finish(self, send: Send, sending: asyncio.Task[None], last: bytes) -> None:
        if not sending.cancelled() and (fault := sending.exception()):
            if not isinstance(fault, TimeoutError):
                raise fault
            _log.info("a reader does not read, the connection is given up")
            return
        await send({"type": "http.response.body", "body": last, "more_body": False})

    async def _send(self, send: Send) -> None:
        async for piece in self._pieces:
            async with asyncio.timeout(_STALLED_S):
                await send({"type": "http.response.body", "body": piece, "more_body": True})


async def _end(*tasks: asyncio.Task[None]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
