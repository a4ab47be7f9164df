"""Four linkers in one group, the exchanges of each conversation spread over all their partitions: the tree of one."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest

from plait.common.consumer import Record, Rejected, consume
from plait.common.events import encode
from plait.common.postgres import Database
from plait.common.settings import KafkaSettings
from plait.common.topics import CHUNKS, REQUESTS, RESPONSES
from plait.linker.main import GROUP
from plait.linker.processor import Linker
from tests.contract.consuming import make_topics, producing, settings_of
from tests.exchange_events import Part, asked, event_of, said
from tests.faults.test_linker_kills import until_all_committed
from tests.integration.test_linker_corpus import feed, forget, tree_in
from tests.integration.test_linker_service import TOPICS
from tests.recorded_events import everything
from tests.servers import Broker

LINKERS = 4


class Counting(Linker):
    """A linker that knows how many records it had."""

    had = 0

    async def process(self, records: Sequence[Record]) -> Sequence[Rejected]:
        rejected = await super().process(records)
        self.had += len(records)
        return rejected


@pytest.fixture
async def database(postgres_url: str) -> AsyncIterator[Database]:
    database = Database(postgres_url, name="test", size=2)
    yield database
    await database.close()


@asynccontextmanager
async def linking(kafka: KafkaSettings, postgres_url: str) -> AsyncIterator[list[Counting]]:
    """Linkers side by side, each with connections of its own."""
    stop = asyncio.Event()
    databases = [Database(postgres_url, name=f"linker {n}", size=2) for n in range(LINKERS)]
    linkers = [Counting(database, lambda: None) for database in databases]
    try:
        async with asyncio.TaskGroup() as group:
            for linker in linkers:
                topics = (REQUESTS, CHUNKS, RESPONSES)
                group.create_task(consume(linker, group=GROUP, topics=topics, settings=kafka, stop=stop))
            try:
                yield linkers
            finally:
                stop.set()
    finally:
        for database in databases:
            await database.close()


async def spread(kafka: KafkaSettings, parts: Sequence[Part], chance: random.Random) -> None:
    """To any partition, whatever conversation they belong to."""
    async with producing(kafka) as producer:
        sent = []
        for event in map(event_of, parts):
            topic = TOPICS[str(event.__struct_config__.tag)]
            key, partition = event.partitionkey.encode(), chance.randrange(topic.partitions)
            sent.append(await producer.send(topic.name, encode(event), key, partition))
        await asyncio.gather(*sent)


async def test_four_linkers_make_the_tree_of_one(broker: Broker, postgres_url: str, database: Database) -> None:
    parts = everything()
    await feed(Linker(database, lambda: None), parts)
    wanted = await tree_in(database)
    kafka, chance = settings_of(broker), random.Random(11)
    await make_topics(kafka)
    chance.shuffle(parts)
    sent = 0
    async with linking(kafka, postgres_url) as linkers:
        async with asyncio.timeout(60):
            while not all(one.had for one in linkers):  # until each has its part
                await spread(kafka, [asked(said("user", f"hi {n}"), at=n) for n in range(16)], chance)
                sent += 16
                await asyncio.sleep(0.1)
        await until_all_committed(kafka, sent)
        await forget(database)
        before = [one.had for one in linkers]
        await spread(kafka, parts, chance)
        await until_all_committed(kafka, sent + len(parts))
    assert all(one.had > had for one, had in zip(linkers, before, strict=True))
    assert await tree_in(database) == wanted
