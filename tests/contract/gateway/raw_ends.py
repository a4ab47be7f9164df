"""Both ends of a gateway byte by byte: an upstream that plays what it is told, and a client that sends what it is told.

What a library would mend, order, merge or refuse arrives here as it was on the wire.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Literal, Self

from plait.fakes.http1 import BUFFER_BYTES, BrokenMessage, Header, body_pieces, read_head


@dataclass(frozen=True)
class Script:
    """An answer as raw bytes, written piece by piece, and what becomes of the connection afterwards."""

    pieces: tuple[bytes, ...]
    end: Literal["keep", "close", "reset", "hold"] = "close"
    """`hold`: nothing more comes until the other side leaves."""
    pause: float = 0
    """Seconds after each piece."""


@dataclass(frozen=True)
class Arrived:
    """A request as the upstream got it, framing removed."""

    start: str
    fields: list[Header]
    body: bytes


class RawUpstream:
    """Reads each request whole, notes it, and plays what `rule` has for it: `script`, unless it was told otherwise."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self._tls = tls
        self.script = Script((b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",), "keep")
        self.rule: Callable[[Arrived], Script] = lambda _: self.script
        self.arrived: list[Arrived] = []
        self._server: asyncio.Server | None = None
        self._open: dict[asyncio.StreamWriter, asyncio.Task[None] | None] = {}

    @property
    def port(self) -> int:
        """Where it listens on 127.0.0.1."""
        assert self._server is not None
        return int(self._server.sockets[0].getsockname()[1])

    @property
    def url(self) -> str:
        """What `CLAUDE_API_BASE_URL` has to be."""
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=BUFFER_BYTES, ssl=self._tls)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()
        serving = [task for task in self._open.values() if task]
        for writer in self._open:
            writer.close()
        await asyncio.gather(*serving)
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open[writer] = asyncio.current_task()
        try:
            while await self._one(reader, writer):
                pass
        except (BrokenMessage, ConnectionError):
            pass  # whoever asked has left: what it saw is the test's business
        finally:
            del self._open[writer]
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = await read_head(reader)
        body = b"".join([piece async for piece in body_pieces(reader, head, until_close=False)])
        self.arrived.append(Arrived(head.start, head.headers, body))
        script = self.rule(self.arrived[-1])
        await written(writer, script.pieces, script.pause)
        if script.end == "hold":
            await reader.read()
        if script.end == "reset":
            writer.transport.abort()
        return script.end == "keep"


async def written(writer: asyncio.StreamWriter, pieces: Sequence[bytes], pause: float = 0) -> None:
    """Write each piece so that whoever reads on the other end, in this same loop, gets it by itself."""
    for piece in pieces:
        writer.write(piece)
        await writer.drain()
        await asyncio.sleep(pause)  # 0 is a turn of the loop, in which the other end reads


@dataclass
class Seen:
    """An answer as the client got it, framing removed."""

    status: int = 0
    reason: str = ""
    """What stands behind the status."""
    fields: list[Header] = field(default_factory=list)
    body: bytes = b""
    whole: bool = False
    """Whether it ended as its framing said."""

    def value(self, name: str) -> str | None:
        """First value of a field."""
        return next((value for key, value in self.fields if key.lower() == name), None)


class RawClient:
    """Sends raw requests to `port`, one after another on one connection for as long as it stays open."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def ask(self, pieces: Sequence[bytes], method: str) -> Seen:
        """One request and its answer."""
        if self._writer is None:
            self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port, limit=BUFFER_BYTES)
        assert self._reader is not None
        seen = Seen()
        try:
            async with asyncio.timeout(60):
                await written(self._writer, pieces)
                await _read(self._reader, seen, method)
        except (BrokenMessage, ConnectionError):
            await self.close()
        return seen

    async def close(self) -> None:
        """The next request begins a new connection."""
        if self._writer is not None:
            self._writer.close()
            with contextlib.suppress(ConnectionError):
                await self._writer.wait_closed()
        self._writer = None


async def _read(reader: asyncio.StreamReader, seen: Seen, method: str) -> None:
    head = await read_head(reader)
    while head.start.split()[1].startswith("1"):
        head = await read_head(reader)
    status, _, seen.reason = head.start.partition(" ")[2].partition(" ")
    seen.status, seen.fields = int(status), head.headers
    if method != "HEAD" and seen.status not in (204, 304):
        async for piece in body_pieces(reader, head, until_close=True):
            seen.body += piece
    seen.whole = True
