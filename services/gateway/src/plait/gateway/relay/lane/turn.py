"""What one turn of the loop has to write: first all records, in one write, then the answers that wait for them."""

from __future__ import annotations

import asyncio
import time
from typing import Protocol

from plait.gateway.metrics import OVERHEAD_ANSWER
from plait.gateway.spool.ends import capture_lost
from plait.gateway.spool.frames import Frame, Kind, LongFrame
from plait.gateway.spool.records import End, Record, to_frame


class Spool(Protocol):
    """Where records go."""

    def append_many(self, frames: list[Frame | LongFrame]) -> frozenset[bytes]:
        """Write records; returns the exchanges of which one was dropped."""
        ...


class Turn:
    """Holds answers back until the records of all that they tell are in the spool: nothing answered is ever lost.

    That costs an answer no waiting: the turn ends before the loop looks at its sockets again.
    """

    def __init__(self, spool: Spool, loop: asyncio.AbstractEventLoop) -> None:
        self._spool = spool
        self._loop = loop
        self._records: list[tuple[bytes, Record | LongFrame]] = []
        self._writes: list[tuple[asyncio.WriteTransport, bytes | None]] = []
        self._lost: set[bytes] = set()
        """Exchanges of which a record was dropped and whose end has not come yet."""
        self._unbegun: set[bytes] = set()
        """Those among them whose request it was: they have no end either."""
        self._answers: list[float] = []
        """When each answer that begins with this turn was in hand."""
        self._scheduled = False

    def record(self, exchange: bytes, record: Record | LongFrame) -> bool:
        """Have a record written with this turn; False when an earlier one of its exchange was dropped.

        It is encoded with the others: what goes to Claude in this turn is on its way by then.
        """
        if exchange in self._lost and (not isinstance(record, End) or self._is_unbegun(exchange)):
            return False
        self._records.append((exchange, record))
        self._schedule()
        return True

    def _is_unbegun(self, exchange: bytes) -> bool:
        """Asked at the end of an exchange of which something was dropped."""
        if exchange not in self._unbegun:
            return False
        self._unbegun.discard(exchange)
        self._lost.discard(exchange)
        return True

    def answering(self) -> None:
        """An answer has begun: how long until its bytes are written is what the lane itself takes."""
        self._answers.append(time.perf_counter())

    def write(self, transport: asyncio.WriteTransport, data: bytes) -> None:
        """Have bytes sent once the records appended so far are written."""
        self._writes.append((transport, data))
        self._schedule()

    def close(self, transport: asyncio.WriteTransport) -> None:
        """Have a connection closed behind what was given to `write` before."""
        self._writes.append((transport, None))
        self._schedule()

    def _schedule(self) -> None:
        if not self._scheduled:
            self._scheduled = True
            self._loop.call_soon(self.end)

    def _as_lost(self, frame: Frame | LongFrame) -> Frame | LongFrame:
        if isinstance(frame, LongFrame) or frame.kind != Kind.END or frame.exchange not in self._lost:
            return frame
        self._lost.discard(frame.exchange)
        return capture_lost(frame)

    def end(self) -> None:
        """Write everything, now."""
        self._scheduled = False
        if self._records:
            records, self._records = self._records, []
            frames = [
                record if isinstance(record, LongFrame) else to_frame(exchange, record) for exchange, record in records
            ]
            if self._lost:
                frames = [self._as_lost(frame) for frame in frames]
            if dropped := self._spool.append_many(frames):
                running = dropped - {frame.exchange for frame in frames if frame.kind == Kind.END}
                self._lost |= running
                self._unbegun |= running & {frame.exchange for frame in frames if frame.kind == Kind.REQUEST}
        writes, self._writes = self._writes, []
        for transport, data in writes:
            if data is None:
                transport.close()
            elif not transport.is_closing():
                transport.write(data)
        if self._answers:
            now = time.perf_counter()
            for began in self._answers:
                OVERHEAD_ANSWER.observe(now - began)
            self._answers.clear()
