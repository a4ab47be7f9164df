"""A read API that tells what a test lets happen, in a thread of its own: the dashboard runs in another process."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
from starlette.types import Receive, Scope, Send

from plait.common.serving import serve
from tests.ports import free_port


class LiveApi:
    """Serves `/api/live` to any number of listeners; everything else is there and empty."""

    def __init__(self) -> None:
        self.port = free_port()
        self._loop = asyncio.new_event_loop()
        self._listeners: set[asyncio.Queue[bytes]] = set()

    @property
    def url(self) -> str:
        """Its base address."""
        return f"http://127.0.0.1:{self.port}"

    def tell(self, name: str, **data: Any) -> None:
        """Let all listeners hear of an event."""
        frame = b"id: 1\nevent: %b\ndata: %b\n\n" % (name.encode(), msgspec.json.encode(data))
        self._loop.call_soon_threadsafe(self._hand_out, frame)

    def _hand_out(self, frame: bytes) -> None:
        for queue in self._listeners:
            queue.put_nowait(frame)

    @contextmanager
    def running(self) -> Iterator[LiveApi]:
        """Serve for the length of the block."""
        stop = asyncio.Event()
        serving = serve(self, host="127.0.0.1", port=self.port, stop=stop)
        thread = threading.Thread(target=self._loop.run_until_complete, args=(serving,), daemon=True)
        thread.start()
        yield self
        self._loop.call_soon_threadsafe(stop.set)
        self._loop.call_soon_threadsafe(self._hand_out, b"")
        thread.join(60)

    async def __call__(self, scope: Scope, _: Receive, send: Send) -> None:
        """One answer."""
        if scope["type"] != "http":
            return
        head = [(b"content-type", b"text/event-stream" if scope["path"] == "/api/live" else b"application/json")]
        await send({"type": "http.response.start", "status": 200, "headers": head})
        if scope["path"] == "/api/live":
            await self._tell_on(send)
        await send({"type": "http.response.body", "body": b"" if scope["path"] == "/api/live" else b"{}"})

    async def _tell_on(self, send: Send) -> None:
        queue: asyncio.Queue[bytes] = asyncio.Queue()
        self._listeners.add(queue)
        try:
            while frame := await queue.get():
                await send({"type": "http.response.body", "body": frame, "more_body": True})
        finally:
            self._listeners.discard(queue)
