"""HTTP/1.1 heads and bodies over asyncio streams, for the scripted Claude and for the player.

Own code on purpose: order and spelling of header lines, broken framing and early ends must be seen and made exactly,
and every library between here and the socket would mend them.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass

from plait.common.errors import PlaitError

Header = tuple[str, str]
HOP_BY_HOP = frozenset(
    {"connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "te", "trailer", "transfer-encoding"}
    | {"upgrade"}
)
"""Names (lower case) of fields that belong to one connection and are not passed on (RFC 9110, section 7.6.1)."""
BUFFER_BYTES = 1024 * 1024
READ_BYTES = 64 * 1024


class BrokenMessage(PlaitError):
    """The peer closed inside a message, or sent bytes that are not HTTP/1.1."""


@dataclass(frozen=True)
class Head:
    """Start line and header lines, as received."""

    start: str
    headers: list[Header]

    def header(self, name: str) -> str | None:
        """First value of a field, whatever its spelling."""
        return header(self.headers, name)

    @property
    def chunked(self) -> bool:
        """Whether the body comes in chunks."""
        return "chunked" in (self.header("transfer-encoding") or "").lower()

    @property
    def length(self) -> int | None:
        """The body's length in bytes, if the head tells."""
        value = self.header("content-length")
        if value is None:
            return None
        if not value.isdecimal():
            raise BrokenMessage(f"content-length is {value!r}, not a number")
        return int(value)


def header(headers: Iterable[Header], name: str) -> str | None:
    """First value of a field in `headers`, whatever its spelling."""
    wanted = name.lower()
    return next((value for key, value in headers if key.lower() == wanted), None)


def encode_head(start: str, headers: Iterable[Header]) -> bytes:
    """Start line and header lines in the given order and spelling, with the empty line."""
    lines = [start, *(f"{name}: {value}" for name, value in headers)]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n"


async def read_head(reader: asyncio.StreamReader) -> Head:
    """The next head.

    Raises:
        BrokenMessage: the peer closed before a whole head had come, or a line is no header.
    """
    try:
        raw = await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError) as error:
        raise BrokenMessage(f"no whole head: {error}") from error
    start, *lines = raw[:-4].decode("latin-1").split("\r\n")
    return Head(start, [_field(line) for line in lines])


def _field(line: str) -> Header:
    name, colon, value = line.partition(":")
    if not colon:
        raise BrokenMessage(f"a header line without a colon: {line[:80]!r}")
    return name, value.strip(" \t")


async def body_pieces(reader: asyncio.StreamReader, head: Head, *, until_close: bool) -> AsyncIterator[bytes]:
    """Bytes of the body as they arrive, framing removed; `until_close`: an answer may end with its connection.

    Raises:
        BrokenMessage: the connection ended before the framing said so.
    """
    if head.chunked:
        async for piece in _chunks(reader):
            yield piece
    elif head.length is not None:
        async for piece in _exactly(reader, head.length):
            yield piece
    elif until_close:
        while piece := await reader.read(READ_BYTES):
            yield piece


async def _chunks(reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    while size := _chunk_size(await _line(reader)):
        async for piece in _exactly(reader, size):
            yield piece
        if await _line(reader):
            raise BrokenMessage("a chunk is longer than its size says")
    while await _line(reader):
        pass


def _chunk_size(line: bytes) -> int:
    try:
        return int(line.split(b";")[0], 16)
    except ValueError as error:
        raise BrokenMessage(f"a chunk's size is {line[:40]!r}") from error


async def _line(reader: asyncio.StreamReader) -> bytes:
    try:
        return (await reader.readuntil(b"\r\n"))[:-2]
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError) as error:
        raise BrokenMessage(f"closed inside chunk framing: {error}") from error


async def _exactly(reader: asyncio.StreamReader, size: int) -> AsyncIterator[bytes]:
    left = size
    while left:
        try:
            piece = await reader.read(min(left, READ_BYTES))
        except ConnectionError as error:
            raise BrokenMessage(f"connection lost inside the body: {error}") from error
        if not piece:
            raise BrokenMessage(f"closed {left} bytes before the end of the body")
        left -= len(piece)
        yield piece
