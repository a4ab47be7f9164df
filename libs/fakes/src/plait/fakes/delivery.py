"""Giving an answer in its manner: piece by piece, late, cut, held, and noticing when the client leaves."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable

from plait.fakes.answers import Piece
from plait.fakes.ledger import Call

Opened = Callable[[asyncio.StreamReader, asyncio.StreamWriter], None]


class Peer:
    """Tells that the client closed, also while nobody reads from the connection."""

    def __init__(self) -> None:
        self.gone = asyncio.Event()
        self.gone_at: float | None = None

    def leave(self) -> None:
        """Note the first sign of it."""
        if self.gone_at is None:
            self.gone_at = time.monotonic()
        self.gone.set()


class Connection(asyncio.StreamReaderProtocol):
    """A stream connection that tells its `Peer` when the other side closes."""

    def __init__(self, peer: Peer, reader: asyncio.StreamReader, opened: Opened) -> None:
        super().__init__(reader, opened)
        self._peer = peer

    def eof_received(self) -> bool | None:
        """A client that ends its half has left: HTTP clients do not half-close."""
        self._peer.leave()
        return super().eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        """Lost or closed, by either side."""
        self._peer.leave()
        super().connection_lost(exc)


async def deliver(call: Call, peer: Peer, writer: asyncio.StreamWriter) -> bool:
    """Give the call its answer; whether the connection can be used again."""
    answer = call.answer
    if await _gone_within(peer, answer.head_wait):
        return False
    writer.write(answer.head())
    for piece in answer.pieces if call.method != "HEAD" else ():
        await writer.drain()
        if await _gone_before(peer, piece):
            return False
        if piece.data:  # an empty chunk would end the body
            writer.write(b"%x\r\n%b\r\n" % (len(piece.data), piece.data) if answer.chunked else piece.data)
        call.writes.append((time.monotonic(), len(piece.data)))
    if answer.end == "complete" and answer.chunked and call.method != "HEAD":
        writer.write(b"0\r\n\r\n")
    await writer.drain()
    if answer.end == "hold":
        await peer.gone.wait()
    if answer.end == "reset":
        writer.transport.abort()
    return answer.end == "complete"


async def _gone_before(peer: Peer, piece: Piece) -> bool:
    if piece.gate is not None:
        waits = [asyncio.ensure_future(event.wait()) for event in (piece.gate, peer.gone)]
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()
    return await _gone_within(peer, piece.wait)


async def _gone_within(peer: Peer, seconds: float) -> bool:
    if seconds:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(peer.gone.wait(), seconds)
    return peer.gone.is_set()
