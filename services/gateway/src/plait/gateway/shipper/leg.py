"""Shipping one stretch of a spool: records in their order become events, and go to the broker."""

from __future__ import annotations

import time
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Final
from uuid import UUID

import structlog
from aiokafka.errors import KafkaError

from plait.common.errors import DependencyDown
from plait.gateway.shipper.aside import Aside
from plait.gateway.shipper.exchange import Exchange, begin
from plait.gateway.shipper.journal import Journal
from plait.gateway.shipper.metrics import SPOOL_DAMAGED
from plait.gateway.shipper.progress import Hold, Progress
from plait.gateway.shipper.publishing import Publisher
from plait.gateway.spool.ends import capture_lost, end_lost, gateway_lost
from plait.gateway.spool.frames import Frame, Kind
from plait.gateway.spool.reader import SpoolReader
from plait.gateway.spool.records import End, Head, Piece, Request, from_frame
from plait.gateway.spool.segments import Position

_CHUNK_SECONDS: Final = 0.1
_SILENT_SECONDS: Final = 3600
"""No answer pauses for so long: after damage, what has been silent for it has lost its end."""
_MOST_STRANGE: Final = 64 * 1024 * 1024
_log = structlog.get_logger(__name__)


@dataclass
class _Running:
    """An exchange whose end was not read yet; without `exchange` it is set aside."""

    exchange: Exchange | None
    hold: Hold


class Leg:
    """Ships what its reader reads. Of exchanges that began before its stretch it keeps the records for `join`."""

    def __init__(
        self, directory: Path, start: Position, publisher: Publisher, journal: Journal, *, until: Position | None = None
    ) -> None:
        self.reader = SpoolReader(directory, start, until=until)
        self.progress = Progress()
        self.has_leg_before = False
        self._directory = directory
        self._publisher = publisher
        self._journal = journal
        self._aside = Aside(directory)
        self._running: dict[bytes, _Running] = {}
        self._waiting: dict[bytes, float] = {}
        self._strangers: list[Frame] = []
        self._strange_bytes = 0
        self._beyond: list[Frame] = []
        """Records behind its stretch, which the leg that joins it has kept for it."""
        self._doubtful: dict[bytes, float] = {}
        self._damaged = 0

    @property
    def running(self) -> int:
        """How many exchanges have begun and not ended."""
        return len(self._running)

    @property
    def is_choked(self) -> bool:
        """Whether it keeps so many records for `join` that it has to wait for that."""
        return self._strange_bytes > _MOST_STRANGE

    async def ship_some(self, most: int) -> bool:
        """Publish what the next records say, `most` at once; whether there were any."""
        for count in range(most):
            frame = self.reader.next()
            if self.reader.damaged != self._damaged:
                self._note_damage()
            if frame is None:
                return count > 0
            await self._ship(frame)
        return True

    async def send_what_waits(self) -> None:
        """Of a stream that has gone quiet, send what has come; end what has been silent since damage was met."""
        now = time.monotonic()
        for key in [key for key, since in self._waiting.items() if since <= now - _CHUNK_SECONDS]:
            await self._send_chunk(key, self._running[key])
        for key in [key for key, since in self._doubtful.items() if since <= now - _SILENT_SECONDS]:
            await self._ship(end_lost(key))

    async def join(self, before: Leg) -> None:
        """The leg before has come to where this one began: give it what it lacked, and go on in its place."""
        self.reader.hit |= before.reader.hit
        before.reader.hit = self.reader.hit
        strangers, self._strangers, self._strange_bytes = self._strangers, [], 0
        for frame in strangers:
            before._beyond.append(frame)
            await before._ship(frame)
        if self.reader.lives:  # a writer began since: whoever wrote what is open there is gone
            for key in list(before._running):
                await before._ship(gateway_lost(key))
        before.reader.close()
        self.progress.follow(before.progress)
        self.reader.running = dict.fromkeys(before._running) | self.reader.running
        self._running = before._running | self._running
        self._waiting |= before._waiting
        self._doubtful |= before._doubtful
        self.has_leg_before = False

    def _note_damage(self) -> None:
        SPOOL_DAMAGED.inc(self.reader.damaged - self._damaged)
        self._damaged = self.reader.damaged
        _log.error("damage in the spool was skipped", segment=self.reader.position.segment, records=self._damaged)
        self._doubtful |= dict.fromkeys(self._running, time.monotonic())

    async def _ship(self, frame: Frame) -> None:
        key = frame.exchange
        self._journal.take(key)
        if key not in self._aside and (why := self._fault(key)):
            self._aside.take(key, why)
        try:
            await self._ship_frame(frame)
        except (KafkaError, DependencyDown, OSError):
            raise
        except Exception as error:  # whatever is wrong with one exchange, the others go on
            _log.exception("no event can be made of an exchange", exchange_id=str(UUID(bytes=key)))
            self._give_up(frame, type(error).__name__)
        if self._journal.suspect is not None:
            await self._go_carefully(key)

    def _fault(self, key: bytes) -> str:
        if key == self._journal.culprit:
            return "the shipper died each time that it had it in hand"
        return "the broker refuses an event of it as too large" if key in self._publisher.refused else ""

    async def _go_carefully(self, key: bytes) -> None:
        """As long as one is suspected, nothing else is on its way meanwhile: so the next death tells who it was."""
        await self._publisher.flush()
        self._journal.rest()
        if key == self._journal.suspect and key not in self._running:
            self._journal.acquit()

    async def _ship_frame(self, frame: Frame) -> None:
        running = self._running.get(frame.exchange)
        if frame.kind == Kind.REQUEST:
            await self._begin(frame)
        elif running is not None:
            await self._go_on(frame, running)
        elif self.has_leg_before:
            self._strangers.append(frame)
            self._strange_bytes += frame.size

    async def _begin(self, frame: Frame) -> None:
        behind = self.reader.position
        running = _Running(None, self.progress.began(Position(behind.segment, behind.offset - frame.size)))
        self._running[frame.exchange] = running
        if frame.exchange in self._aside:
            self._aside.keep(frame)
            return
        request = from_frame(frame)
        assert isinstance(request, Request)
        running.exchange, event = begin(UUID(bytes=frame.exchange), request)
        await self._publisher.publish(running.hold, event)

    async def _go_on(self, frame: Frame, running: _Running) -> None:
        key, exchange = frame.exchange, running.exchange
        if key in self._doubtful:
            self._doubtful[key] = time.monotonic()
        if exchange is None:
            self._aside.keep(frame)
            if frame.kind == Kind.END:
                self._end(key, running)
            return
        if frame.kind == Kind.END and key in self.reader.hit:
            frame = capture_lost(frame, "a record of the answer was damaged in the spool")
        record = from_frame(frame)
        if isinstance(record, Head):
            exchange.head(record)
        elif isinstance(record, Piece):
            if (full := exchange.piece(record)) is not None:
                await self._publisher.publish(running.hold, full)
            if exchange.has_chunk:
                self._waiting.setdefault(key, time.monotonic())
        elif isinstance(record, End):
            exchange.came_with(record)
            await self._send_chunk(key, running)
            await self._publisher.publish(running.hold, exchange.end(record))
            self._end(key, running)

    def _end(self, key: bytes, running: _Running) -> None:
        running.hold.end()
        del self._running[key]
        self._doubtful.pop(key, None)
        self.reader.hit.discard(key)

    async def _send_chunk(self, key: bytes, running: _Running) -> None:
        self._waiting.pop(key, None)
        if running.exchange is not None and (chunk := running.exchange.chunk()) is not None:
            await self._publisher.publish(running.hold, chunk)

    def _give_up(self, frame: Frame, why: str) -> None:
        """Set an exchange aside with all that was read of it; what follows is kept with that."""
        key, running = frame.exchange, self._running[frame.exchange]
        self._waiting.pop(key, None)
        self._aside.take(key, why)
        running.exchange = None
        again = SpoolReader(self._directory, running.hold.position, until=self.reader.position)
        for each in chain(iter(again.next, None), self._beyond):
            if each.exchange == key:
                self._aside.keep(each)
        again.close()
        if frame.kind == Kind.END:
            self._end(key, running)
