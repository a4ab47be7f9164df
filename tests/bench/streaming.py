"""An upstream that streams as Claude does: each event is written by itself. `python -m tests.bench.streaming PORT`."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, cast

import uvloop

from plait.cli.program import listening
from tests.bench.pinning import pinned

_HEAD: Final = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\ntransfer-encoding: chunked\r\n"
    b"request-id: req_011CVLnUg9ELLz6bW1\r\n\r\n"
)
EVENTS: Final = 50
_EVENT: Final = b'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":{"text":"%d"}}\n\n'


def event(number: int) -> bytes:
    """One event of the answer."""
    return _EVENT % number


class _Upstream(asyncio.Protocol):
    """Answers every request with the same stream, an event for each turn of the loop."""

    _missing = 0
    _head = b""
    _transport: asyncio.Transport

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        if not self._missing:
            self._head += data
            head, end, body = self._head.partition(b"\r\n\r\n")
            if not end:
                return
            self._missing = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
            self._head, data = b"", body
        self._missing -= len(data)
        if not self._missing:
            self._go_on(iter(range(EVENTS)))

    def _go_on(self, numbers: Iterator[int]) -> None:
        if self._transport.is_closing():  # the load tool has done with us
            return
        number = next(numbers, None)
        if number is None:
            self._transport.write(b"0\r\n\r\n")
            return
        data = event(number)
        chunk = b"%x\r\n%b\r\n" % (len(data), data)
        self._transport.write(chunk if number else _HEAD + chunk)
        self._loop.call_soon(self._go_on, numbers)


@contextmanager
def upstream(port: int, core: int) -> Iterator[None]:
    """Runs it in a process of its own, bound to a core."""
    process = subprocess.Popen(pinned(core, [sys.executable, "-m", "tests.bench.streaming", str(port)]))
    try:
        until = time.monotonic() + 15
        while not listening(port):
            if process.poll() is not None or time.monotonic() > until:
                raise RuntimeError("the streaming upstream did not start")
            time.sleep(0.05)
        yield
    finally:
        process.terminate()
        process.wait(10)


async def _serve(port: int) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Upstream(loop), "127.0.0.1", port, backlog=1024)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(_serve(int(sys.argv[1])))
