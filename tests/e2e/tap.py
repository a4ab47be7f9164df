"""Listens between a client and the gateway, so that every byte on the client's side is known."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from plait.fakes.http1 import BrokenMessage, Head, body_pieces, read_head

_READ_BYTES = 64 * 1024


@dataclass(frozen=True)
class Seen:
    """One exchange as the client sent and received it."""

    request: Head
    sent: bytes
    answer: Head
    received: bytes

    @property
    def path(self) -> str:
        return self.request.start.split()[1].split("?")[0]

    @property
    def request_id(self) -> str:
        found = self.answer.header("x-request-id")
        assert found, "the answer has no X-Request-ID"
        return found


@dataclass
class _Connection:
    up: bytearray = field(default_factory=bytearray)
    down: bytearray = field(default_factory=bytearray)


class Tap:
    """Passes bytes between a client and 127.0.0.1:`gateway`, and keeps them."""

    def __init__(self, gateway: int) -> None:
        self.port = 0
        self._gateway = gateway
        self._connections: list[_Connection] = []

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        async with await asyncio.start_server(self._connected, "127.0.0.1", 0) as server:
            self.port = server.sockets[0].getsockname()[1]
            yield

    async def seen(self) -> list[Seen]:
        """All exchanges so far whose answer has come whole, connection by connection."""
        return [one for connection in self._connections for one in await _parsed(connection)]

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = _Connection()
        self._connections.append(connection)
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._gateway)
        await asyncio.gather(_pass(reader, far_writer, connection.up), _pass(far_reader, writer, connection.down))


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, kept: bytearray) -> None:
    try:
        while piece := await reader.read(_READ_BYTES):
            kept += piece
            writer.write(piece)
            await writer.drain()
    except ConnectionError:
        pass  # one side left: so does the other
    writer.close()


async def _parsed(connection: _Connection) -> list[Seen]:
    up, down = _reader(connection.up), _reader(connection.down)
    found: list[Seen] = []
    try:
        while True:
            request = await read_head(up)
            sent = b"".join([piece async for piece in body_pieces(up, request, until_close=False)])
            answer = await read_head(down)
            while answer.start.split()[1].startswith("1"):
                answer = await read_head(down)
            bodiless = request.start.startswith("HEAD")
            pieces = [] if bodiless else [piece async for piece in body_pieces(down, answer, until_close=True)]
            found.append(Seen(request, sent, answer, b"".join(pieces)))
    except BrokenMessage:
        return found


def _reader(raw: bytearray) -> asyncio.StreamReader:
    reader = asyncio.StreamReader(limit=64 * 1024 * 1024)
    reader.feed_data(bytes(raw))
    reader.feed_eof()
    return reader
