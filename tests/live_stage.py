"""A read API with a broker and no database, for tests of what happens now."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import httpx2
import msgspec
from aiokafka import AIOKafkaProducer

from plait.api.app import create_app
from plait.api.database import Database
from plait.api.live.view import Live
from plait.common.access.doors import Doors
from plait.common.events import (
    SOURCE_LINKER,
    ChunkData,
    ConversationData,
    ConversationEvent,
    Placed,
    RequestData,
    encode,
    partition_key,
)
from plait.common.kafka import admin_client, ensure_topics, new_producer
from plait.common.serving import serve
from plait.common.settings import KafkaSettings
from plait.common.topics import CHUNKS, CONVERSATIONS, REQUESTS, RESPONSES
from tests.exchange_events import Part, event_of
from tests.ports import free_port
from tests.servers import Broker

NOWHERE = "postgresql://nobody@127.0.0.1:1/none"
KEY = {"X-Dashboard-Key": "key"}
PATIENCE_S = 60


@dataclass
class Event:
    """One server-sent event."""

    name: str
    id: str | None
    data: Any


@dataclass
class Listening:
    """A stream that is read."""

    answer: httpx2.Response
    last_id: str | None = None
    _lines: AsyncIterator[str] = field(init=False)

    def __post_init__(self) -> None:
        self._lines = self.answer.aiter_lines()

    async def event(self) -> Event:
        """The next one."""
        async with asyncio.timeout(PATIENCE_S):
            return await self._event()

    async def events(self, number: int) -> list[Event]:
        return [await self.event() for _ in range(number)]

    async def until(self, name: str) -> list[Event]:
        """All up to the first of this name."""
        found = [await self.event()]
        while found[-1].name != name:
            found.append(await self.event())
        return found

    async def _event(self) -> Event:
        fields: dict[str, str] = {}
        async for line in self._lines:
            if line:
                name, _, value = line.partition(": ")
                fields[name] = value
                continue
            self.last_id = fields.get("id", self.last_id)
            if "data" in fields:
                return Event(fields.get("event", "message"), fields.get("id"), msgspec.json.decode(fields["data"]))
            fields.clear()
        raise AssertionError("the stream has ended")

    async def has_ended(self) -> bool:
        """Whether nothing follows."""
        async with asyncio.timeout(PATIENCE_S):
            return [line async for line in self._lines] == []


@dataclass
class Stage:
    """A running API and what feeds it."""

    address: str
    live: Live
    producer: AIOKafkaProducer
    stop: asyncio.Event

    async def send(self, *parts: Part | ConversationEvent) -> None:
        """Publish, one after the other."""
        for part in parts:
            event = part if isinstance(part, ConversationEvent) else event_of(part)
            await self.producer.send_and_wait(_topic(part), key=event.partitionkey.encode(), value=encode(event))

    @asynccontextmanager
    async def listen(
        self, path: str = "/api/live", *, last_id: str | None = None, key: dict[str, str] | None = None
    ) -> AsyncIterator[Listening]:
        """Open a stream of events."""
        headers = {**(key or KEY), **({"Last-Event-ID": last_id} if last_id else {})}
        async with httpx2.AsyncClient(base_url=self.address, timeout=PATIENCE_S) as client:  # noqa: SIM117
            async with client.stream("GET", path, headers=headers) as answer:
                if answer.status_code != 200:
                    await answer.aread()
                yield Listening(answer)


@asynccontextmanager
async def staged(broker: Broker, doors: Doors | None = None, url: str = NOWHERE) -> AsyncIterator[Stage]:
    """The API on a port of its own, on topics that are there."""
    settings = KafkaSettings(kafka_bootstrap_servers=broker.servers, kafka_flavor=broker.flavor)
    async with admin_client(settings) as admin:
        await ensure_topics(admin, settings)
    producer = new_producer(settings)
    await producer.start()
    try:
        async with running(settings, doors, url) as (address, live, stop):
            yield Stage(address, live, producer, stop)
    finally:
        await producer.stop()


@asynccontextmanager
async def running(
    settings: KafkaSettings, doors: Doors | None = None, url: str = NOWHERE
) -> AsyncIterator[tuple[str, Live, asyncio.Event]]:
    """One life of the API."""
    known, stop, port, database = doors or Doors(viewer="key"), asyncio.Event(), free_port(), Database(url)
    live = Live(settings, known)
    app = create_app(database, known, live=live)
    parts = [
        asyncio.create_task(live.run(stop)),
        asyncio.create_task(serve(app, host="127.0.0.1", port=port, stop=stop)),
    ]
    try:
        async with asyncio.timeout(PATIENCE_S):
            await live.hub.begun.wait()
        yield f"http://127.0.0.1:{port}", live, stop
    finally:
        stop.set()
        async with asyncio.timeout(PATIENCE_S):
            await asyncio.gather(*parts)
        await database.close()


def changed(domain: str = "a.test", *placed: Placed, **fields: Any) -> ConversationEvent:
    """A conversation after a change."""
    data = ConversationData(
        **{
            "conversation_id": uuid4(),
            "revision": 1,
            "domain": domain,
            "title": "a secret title",
            "request_count": 2,
            "branch_ids": ["main"],
            "latest_exchange_id": uuid4(),
            "placed": list(placed),
            **fields,
        }
    )
    return ConversationEvent(
        id=f"{data.conversation_id}/{data.revision}",
        source=SOURCE_LINKER,
        subject=str(data.conversation_id),
        time=datetime.now(UTC),
        partitionkey=partition_key(domain, str(data.conversation_id)),
        data=data,
    )


def _topic(part: Part | ConversationEvent) -> str:
    if isinstance(part, ConversationEvent):
        return CONVERSATIONS.name
    if isinstance(part, RequestData):
        return REQUESTS.name
    return CHUNKS.name if isinstance(part, ChunkData) else RESPONSES.name
