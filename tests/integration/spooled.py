"""A spool with a writer, a shipper for it, and a consumer of what it ships."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

from plait.common.events import Event, ResponseEvent, decode
from plait.common.ids import new_exchange_id
from plait.common.kafka import admin_client, new_consumer, topics_ready
from plait.common.topics import CHUNKS, REQUESTS, RESPONSES
from plait.gateway.settings import ShipperSettings
from plait.gateway.shipper.shipper import Shipper
from plait.gateway.spool.records import End, Ending, Head, Piece, Record, Request, to_frame
from plait.gateway.spool.writer import SpoolWriter
from tests.servers import Broker

MEGA = 1 << 20
SSE = [(b"content-type", b"text/event-stream")]
EXCHANGE_TOPICS = (REQUESTS, CHUNKS, RESPONSES)


class Spooled:
    """A spool with a writer, as a gateway has it."""

    def __init__(self, directory: Path, broker: Broker) -> None:
        self.directory = directory
        self.broker = broker
        self.writer = SpoolWriter(directory, segment_bytes=MEGA, max_bytes=512 * MEGA)
        self.settings = ShipperSettings(
            _env_file=None,
            spool_dir=directory,
            kafka_bootstrap_servers=broker.servers,
            kafka_flavor=broker.flavor,
            shipper_drain_seconds=0.5,  # the writer here never ends first
        )

    def append(self, exchange_id: UUID, *records: Record) -> None:
        assert all(self.writer.append(to_frame(exchange_id.bytes, record)) for record in records)

    def begin(self, body: bytes = b"{}", domain: str = "d.test") -> UUID:
        exchange_id = new_exchange_id()
        self.append(exchange_id, Request(1_700_000_000.0, domain, "POST", "/v1/messages", "", [], body))
        return exchange_id

    def end(self, exchange_id: UUID, *pieces: bytes) -> None:
        answer = [Piece(10.0 + n, data) for n, data in enumerate(pieces)]
        self.append(exchange_id, Head(5.0, 200, SSE), *answer, End(99.0, Ending.WHOLE))

    def exchange(self, body: bytes = b"{}") -> UUID:
        exchange_id = self.begin(body)
        self.end(exchange_id, b"data: 1\n\n")
        return exchange_id

    @asynccontextmanager
    async def shipping(self) -> AsyncIterator[None]:
        stop = asyncio.Event()
        running = asyncio.create_task(Shipper(self.settings).run(stop))
        try:
            yield
        finally:
            stop.set()
            await running


class Reading:
    """A consumer group, and the events that it has read, by exchange."""

    def __init__(self, settings: ShipperSettings, group: str) -> None:
        self._settings = settings
        self._consumer = new_consumer(settings, group, EXCHANGE_TOPICS)
        self.events: dict[str, list[Event]] = defaultdict(list)
        self.arrived: list[list[Event]] = []
        """Batches in the order of their arrival."""

    async def __aenter__(self) -> Reading:
        """Join once the shipper has made the topics: asked for before, the embedded broker would make them itself."""
        async with asyncio.timeout(60), admin_client(self._settings) as admin:
            while not await topics_ready(admin):
                await asyncio.sleep(0.05)
        await self._consumer.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._consumer.stop()

    async def until_ended(self, wanted: Iterable[UUID], seconds: float = 60) -> None:
        left = {str(exchange_id) for exchange_id in wanted}
        async with asyncio.timeout(seconds):
            while left:
                for event in await self.some():
                    if isinstance(event, ResponseEvent):
                        left.discard(event.subject)

    async def some(self) -> list[Event]:
        batch = await self._consumer.getmany(timeout_ms=200)
        found = [decode(record.value or b"") for records in batch.values() for record in records]
        self.arrived.append(found)
        for event in found:
            self.events[event.subject].append(event)
        return found

    async def commit(self) -> None:
        await self._consumer.commit()

    def of(self, exchange_id: UUID, kind: type[Any]) -> list[Any]:
        return [event for event in self.events[str(exchange_id)] if isinstance(event, kind)]


async def until(condition: Any, seconds: float = 60) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.02)


async def until_async(reading: Reading, condition: Any, seconds: float = 60) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await reading.some()
