"""Clients that read paced streams, many at once, and note when each event came."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import cast

import httptools

_WATCH_S = 0.25
_SENT = re.compile(rb'"sent":\[(\d+),(\d+)\]')
_CALL = (
    b"POST /v1/messages HTTP/1.1\r\nhost: bench.test\r\nx-api-key: sk-ant-fake\r\ncontent-type: application/json\r\n"
    b"content-length: 2\r\n\r\n{}"
)


@dataclass
class Read:
    """What came of one stream: per event its number, when it was sent and when it came (monotonic ns)."""

    events: list[tuple[int, int, int]] = field(default_factory=list)
    whole: bool = False

    def lost(self, expected: int) -> int:
        """How many of `expected` events did not come, or not in their place."""
        return expected - sum(number == place for place, (number, _, _) in enumerate(self.events))

    def gaps_ms(self) -> list[float]:
        """Between one event's coming and the next one's."""
        came = [at for _, _, at in self.events]
        return [(after - before) / 1e6 for before, after in pairwise(came)]

    def delays_ms(self) -> list[float]:
        """From each event's sending to its coming."""
        return [(came - sent) / 1e6 for _, sent, came in self.events]


class Reader(asyncio.Protocol):
    """Calls as soon as it is connected, and reads the answer to its end."""

    def __init__(self, read: Read) -> None:
        self._read = read
        self._parser = httptools.HttpResponseParser(self)
        self._rest = b""
        self.ended = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Connected."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's transports are no asyncio.Transport
        self._transport.write(_CALL)

    def data_received(self, data: bytes) -> None:
        """Part of the answer."""
        self._parser.feed_data(data)

    def on_body(self, data: bytes) -> None:
        """Part of its body."""
        came = time.monotonic_ns()
        *events, self._rest = (self._rest + data).split(b"\n\n")
        for event in events:
            if found := _SENT.search(event):
                self._read.events.append((int(found[1]), int(found[2]), came))

    def on_message_complete(self) -> None:
        """The answer is whole."""
        self._read.whole = True
        self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Closed, by either side."""
        if not self.ended.done():
            self.ended.set_result(None)


async def read_streams(
    port: int, count: int, rise_s: float, within_s: float, watch: Callable[[], object]
) -> list[Read]:
    """Open `count` streams within `rise_s` seconds and read them all; `watch` is called now and then meanwhile.

    Raises:
        TimeoutError: they have not all ended after `within_s` seconds.
    """
    found = [Read() for _ in range(count)]
    watching = asyncio.create_task(_watch(watch))
    try:
        async with asyncio.timeout(within_s):
            await asyncio.gather(*(_one(port, read, rise_s * n / count) for n, read in enumerate(found)))
    finally:
        watching.cancel()
    return found


async def _one(port: int, read: Read, wait_s: float) -> None:
    await asyncio.sleep(wait_s)
    _, reader = await asyncio.get_running_loop().create_connection(lambda: Reader(read), "127.0.0.1", port)
    await reader.ended


async def _watch(watch: Callable[[], object]) -> None:
    while True:
        watch()
        await asyncio.sleep(_WATCH_S)
