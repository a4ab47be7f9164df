"""What the contract tests of the consumers' loop share: topics, events to send, a processor that remembers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from aiokafka import AIOKafkaProducer

from plait.common.consumer import Processor, Record, Rejected, consume
from plait.common.errors import DependencyDown
from plait.common.events import ResponseData, encode, response_event
from plait.common.ids import new_exchange_id
from plait.common.kafka import admin_client, committed_offsets, ensure_topics, new_producer
from plait.common.settings import KafkaSettings
from plait.common.topics import RESPONSES, Topic
from tests.servers import Broker

GROUP = "plait.ledger"
STOPPED_S = 20
"""A stop takes a moment, on a busy machine too: less than the 40 s that a broker's client waits for an answer."""


def settings_of(broker: Broker) -> KafkaSettings:
    return KafkaSettings(kafka_bootstrap_servers=broker.servers, kafka_flavor=broker.flavor)


async def make_topics(settings: KafkaSettings) -> None:
    async with admin_client(settings) as admin:
        await ensure_topics(admin, settings)


async def committed(settings: KafkaSettings) -> int:
    """Up to where the group has committed, over all partitions of the responses."""
    async with admin_client(settings) as admin:
        return sum((await committed_offsets(admin, GROUP, [RESPONSES])).values())


_NOW = datetime.now(UTC)
COMMON_ANSWER: dict[str, Any] = {
    "domain": "d",
    "thread": "t",
    "started_at": _NOW,
    "outcome": "complete",
    "status": 200,
    "headers": [],
    "ended_at": _NOW,
    "duration_ms": 1.0,
}
"""All that a `ResponseData` needs but its exchange."""


def an_answer(exchange_id: UUID | None = None) -> bytes:
    """A response event, as the shipper would send it."""
    return encode(response_event(ResponseData(exchange_id=exchange_id or new_exchange_id(), **COMMON_ANSWER)))


@asynccontextmanager
async def producing(settings: KafkaSettings) -> AsyncIterator[AIOKafkaProducer]:
    producer = new_producer(settings)
    await producer.start()
    try:
        yield producer
    finally:
        await producer.stop()


async def send(settings: KafkaSettings, values: Iterable[bytes | None], topic: Topic = RESPONSES) -> None:
    """Send values to the partitions of a topic in turn; returns when the broker has them."""
    async with producing(settings) as producer:
        sent = [
            await producer.send(topic.name, value, b"d|t", number % topic.partitions)
            for number, value in enumerate(values)
        ]
        await asyncio.gather(*sent)


def ids(count: int) -> list[UUID]:
    return [new_exchange_id() for _ in range(count)]


def id_of(record: Record) -> UUID:
    return UUID(record.event.subject)


@dataclass
class Seen:
    """A processor that remembers; `fault` may raise or name what it rejects."""

    fault: Callable[[Sequence[Record]], Sequence[Rejected]] = lambda _: ()
    batches: list[list[Record]] = field(default_factory=list)
    calls: int = 0
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def process(self, batch: Sequence[Record]) -> Sequence[Rejected]:
        self.calls += 1
        try:
            rejected = self.fault(batch)
            out = {id_of(r.record) for r in rejected}
            self.batches.append([record for record in batch if id_of(record) not in out])
            return rejected
        finally:
            async with self.changed:
                self.changed.notify_all()

    @property
    def ids(self) -> list[UUID]:
        return [id_of(record) for batch in self.batches for record in batch]

    async def until(self, ready: Callable[[Seen], bool], seconds: float = 60) -> None:
        async with asyncio.timeout(seconds), self.changed:
            await self.changed.wait_for(lambda: ready(self))

    async def all_of(self, wanted: Iterable[UUID], seconds: float = 60) -> None:
        missing = set(wanted)
        await self.until(lambda seen: missing <= set(seen.ids), seconds)


@asynccontextmanager
async def consuming(
    processor: Processor,
    settings: KafkaSettings,
    topics: Sequence[Topic] = (RESPONSES,),
    group: str = GROUP,
    at_once: int = 1,
) -> AsyncIterator[asyncio.Task[None]]:
    """A consumer for the length of the block; fails when it ended by an error."""
    stop = asyncio.Event()
    working = consume(processor, group=group, topics=topics, settings=settings, stop=stop, at_once=at_once)
    task = asyncio.create_task(working)
    try:
        yield task
    finally:
        stop.set()
        await task


def down(_: Sequence[Record]) -> Sequence[Rejected]:
    raise DependencyDown("the database is away")
