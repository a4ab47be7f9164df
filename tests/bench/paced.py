"""An upstream that answers every call with events at a steady pace: `python -m tests.bench.paced PORT EVENTS PERIOD_S`.

Each event tells its number and when it was sent, so that its reader knows what is missing, and how long it took.
"""

from __future__ import annotations

import asyncio
import sys
import time
from typing import cast

import httptools
import uvloop

_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
_EVENT = b'event: content_block_delta\ndata: {"type":"content_block_delta","sent":[%d,%d],"delta":{"text":"%b"}}\n\n'
_FILLER = b"x" * 40
EVENT_BYTES = len(_EVENT % (0, 0, _FILLER))
"""Of the smallest event."""


class Paced(asyncio.Protocol):
    """One connection; calls come one after the other."""

    def __init__(self, events: int, period_s: float) -> None:
        self._events = events
        self._period_s = period_s
        self._loop = asyncio.get_running_loop()
        self._parser = httptools.HttpRequestParser(self)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Somebody called."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's transports are no asyncio.Transport

    def data_received(self, data: bytes) -> None:
        """Part of a call."""
        self._parser.feed_data(data)

    def on_message_complete(self) -> None:
        """The call is whole: its answer begins."""
        self._transport.write(_HEAD)
        self._send(0, self._loop.time())

    def _send(self, number: int, began: float) -> None:
        if self._transport.is_closing():
            return
        if number == self._events:
            self._transport.write(b"0\r\n\r\n")
            return
        event = _EVENT % (number, time.monotonic_ns(), _FILLER)
        self._transport.write(b"%x\r\n%b\r\n" % (len(event), event))
        self._loop.call_at(began + (number + 1) * self._period_s, self._send, number + 1, began)


async def serve(port: int, events: int, period_s: float) -> None:
    """Answer for ever."""
    server = await asyncio.get_running_loop().create_server(
        lambda: Paced(events, period_s), "127.0.0.1", port, backlog=1024
    )
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])))
