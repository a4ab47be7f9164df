"""The loop from spool to broker. A lost broker costs time, never a record: all since the resume point is sent again."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final
from uuid import UUID

import msgspec
import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from plait.common.errors import DependencyDown
from plait.common.kafka import admin_client, ensure_topics, is_embedded, new_producer, topics_ready
from plait.gateway.metrics import BROKER_UP, SPOOL_BYTES
from plait.gateway.settings import ShipperSettings
from plait.gateway.shipper.exchange import Exchange, begin
from plait.gateway.shipper.progress import Places, Progress
from plait.gateway.shipper.publishing import Committed, Publisher
from plait.gateway.spool.frames import Frame
from plait.gateway.spool.reader import SpoolReader
from plait.gateway.spool.records import End, Head, Piece, Record, Request, from_frame
from plait.gateway.spool.segments import Position, bytes_used, segment_numbers, segment_path
from plait.gateway.spool.shipping import Status, read_resume, write_resume, write_status

_POLL_SECONDS: Final = 0.01
_CHUNK_SECONDS: Final = 0.1
_CHECK_SECONDS: Final = 1.0
_MOST_AT_ONCE: Final = 200
_CLOSE_SECONDS: Final = 5
_SHIP_ON_SECONDS: Final = 2
_PAUSES: Final = (0.2, 0.5, 1.0, 2.0)
_log = structlog.get_logger(__name__)


class Shipper:
    """Ships one spool directory for as long as it runs."""

    def __init__(self, settings: ShipperSettings) -> None:
        self._settings = settings
        self._directory = settings.spool_dir
        self._broker_up: bool | None = None

    async def run(self, stop: asyncio.Event) -> None:
        """Ship until `stop` is set; then what is there already, if the broker takes it within some seconds."""
        failures = 0
        while not stop.is_set():
            try:
                async with self._voyage() as voyage:
                    failures = 0
                    self._say(up=True)
                    await voyage.sail(stop)
            except (KafkaError, DependencyDown, OSError) as error:
                self._say(up=False, why=type(error).__name__)
                pause = _PAUSES[min(failures, len(_PAUSES) - 1)]
                failures += 1
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), pause)

    @asynccontextmanager
    async def _voyage(self) -> AsyncIterator[Voyage]:
        """Everything that lives as long as one connection to the broker."""
        async with admin_client(self._settings) as admin:
            await ensure_topics(admin, self._settings)
            producer = new_producer(self._settings)
            reader = SpoolReader(self._directory, read_resume(self._directory))
            try:
                await producer.start()
                yield Voyage(self._settings, admin, producer, reader)
            finally:
                reader.close()
                # Stopping waits for what is still to be delivered, for ever if the broker is away.
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(producer.stop(), _CLOSE_SECONDS)

    def _say(self, *, up: bool, why: str = "") -> None:
        write_status(self._directory, Status(time.time(), up))
        BROKER_UP.set(up)
        if up != self._broker_up:
            self._broker_up = up
            _log.info("broker reached") if up else _log.warning("broker is away, the spool waits", error=why)


class Voyage:
    """Shipping from the resume point on, over one connection."""

    def __init__(
        self, settings: ShipperSettings, admin: AIOKafkaAdminClient, producer: AIOKafkaProducer, reader: SpoolReader
    ) -> None:
        self._settings = settings
        self._directory = settings.spool_dir
        self._admin = admin
        self._producer = producer
        self._reader = reader
        self._progress = Progress()
        self._publisher = Publisher(producer, self._progress)
        self._exchanges: dict[bytes, Exchange] = {}
        self._waiting: dict[bytes, float] = {}
        self._resume = reader.position
        self._unwritten = False

    async def sail(self, stop: asyncio.Event) -> None:
        """Ship until `stop` is set.

        Raises:
            DependencyDown, KafkaError: the broker went away or forgot; begin again from the resume point.
        """
        checked = 0.0
        while not stop.is_set():
            moved = await self._ship_some()
            await self._send_waiting_chunks()
            self._publisher.check()
            if time.monotonic() - checked >= _CHECK_SECONDS:
                await self._check()
                checked = time.monotonic()
            if not moved:
                await asyncio.sleep(_POLL_SECONDS)
        try:
            async with asyncio.timeout(_CLOSE_SECONDS):
                await self._finish()
        except TimeoutError:
            _log.warning("the broker did not take all before the end, the rest is shipped at the next start")

    async def _finish(self) -> None:
        """Ship what is there already, for a moment: a gateway that goes on writing would keep us here for ever."""
        latest = time.monotonic() + _SHIP_ON_SECONDS
        while await self._ship_some() and time.monotonic() < latest:
            pass
        await self._producer.flush()
        await self._check()

    async def _ship_some(self) -> bool:
        """Publish what the next records say; whether there were any."""
        for count in range(_MOST_AT_ONCE):
            frame = self._reader.next()
            if frame is None:
                return count > 0
            await self._ship(frame)
        return True

    async def _ship(self, frame: Frame) -> None:
        try:
            record = from_frame(frame)
        except msgspec.DecodeError as error:
            _log.error("a spool record cannot be read", kind=frame.kind, error=str(error))
            return
        try:
            await self._ship_record(frame, record)
        except (KafkaError, DependencyDown, OSError):
            raise
        except Exception:  # whatever is wrong with one exchange, the others go on
            _log.exception("an exchange cannot be shipped", exchange_id=str(UUID(bytes=frame.exchange)))
            self._give_up(frame.exchange)

    async def _ship_record(self, frame: Frame, record: Record) -> None:
        if isinstance(record, Request):
            await self._begin(frame, record)
        elif (exchange := self._exchanges.get(frame.exchange)) is not None:
            await self._go_on(frame.exchange, exchange, record)

    def _give_up(self, key: bytes) -> None:
        self._exchanges.pop(key, None)
        self._waiting.pop(key, None)
        self._progress.ended(key)

    async def _begin(self, frame: Frame, request: Request) -> None:
        behind = self._reader.position
        self._progress.began(frame.exchange, Position(behind.segment, behind.offset - frame.size))
        exchange, event = begin(UUID(bytes=frame.exchange), request)
        self._exchanges[frame.exchange] = exchange
        await self._publisher.publish(frame.exchange, event)

    async def _go_on(self, key: bytes, exchange: Exchange, record: Record) -> None:
        if isinstance(record, Head):
            exchange.head(record)
        elif isinstance(record, Piece):
            if (full := exchange.piece(record)) is not None:
                await self._publisher.publish(key, full)
            if exchange.has_chunk:
                self._waiting.setdefault(key, time.monotonic())
        elif isinstance(record, End):
            await self._send_chunk(key, exchange)
            await self._publisher.publish(key, exchange.end(record))
            self._progress.ended(key)
            del self._exchanges[key]

    async def _send_waiting_chunks(self) -> None:
        """Of a stream that has gone quiet, send what has come."""
        due = time.monotonic() - _CHUNK_SECONDS
        for key in [key for key, since in self._waiting.items() if since <= due]:
            await self._send_chunk(key, self._exchanges[key])

    async def _send_chunk(self, key: bytes, exchange: Exchange) -> None:
        self._waiting.pop(key, None)
        if (chunk := exchange.chunk()) is not None:
            await self._publisher.publish(key, chunk)

    async def _check(self) -> None:
        """See that the broker is there and still remembers, then let go of what is safe."""
        if not await topics_ready(self._admin):
            raise DependencyDown("the broker has forgotten its topics")
        write_status(self._directory, Status(time.time(), broker_up=True))
        SPOOL_BYTES.set(bytes_used(self._directory))
        embedded = is_embedded(self._settings)
        is_safe = (await Committed.ask(self._admin)).covers if embedded else _acknowledged_is_safe
        resume = self._progress.resume_point(self._reader.position, is_safe)
        if resume != self._resume:
            # Deleting comes first: on a full disk it makes the room that the resume point needs. Who reads an older
            # point goes on at the oldest segment that is left.
            self._delete_before(resume)
            self._keep(resume)

    def _keep(self, resume: Position) -> None:
        """Write the resume point; where that fails it is tried again with the next check, and shipping goes on."""
        try:
            write_resume(self._directory, resume)
        except OSError as error:
            if not self._unwritten:
                _log.warning("the resume point cannot be written", reason=error.strerror)
            self._unwritten = True
        else:
            self._resume, self._unwritten = resume, False

    def _delete_before(self, resume: Position) -> None:
        for number in segment_numbers(self._directory):
            if number < resume.segment:
                segment_path(self._directory, number).unlink()


def _acknowledged_is_safe(_published: Places) -> bool:
    return True
