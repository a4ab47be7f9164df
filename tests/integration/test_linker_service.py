"""The linker as a part: from the broker's topics to linked conversations, and to the events that tell of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from aiokafka.errors import MessageSizeTooLargeError

from plait.common.events import ConversationData, ConversationEvent, Placed, decode, encode
from plait.common.forgetting import Selection, ask
from plait.common.ids import conversation_id, new_exchange_id
from plait.common.kafka import new_consumer, new_producer
from plait.common.postgres import open_pool
from plait.common.settings import KafkaSettings
from plait.common.topics import CHUNKS, CONVERSATIONS, REQUESTS, RESPONSES
from plait.linker import announce
from plait.linker.main import run
from tests.contract.consuming import producing
from tests.exchange_events import Part, answered, asked, event_of, said
from tests.recorded_events import everything, scenarios

TOPICS = {"plait.request.v1": REQUESTS, "plait.chunk.v1": CHUNKS, "plait.response.v1": RESPONSES}


@asynccontextmanager
async def linking() -> AsyncIterator[None]:
    stop = asyncio.Event()
    task = asyncio.create_task(run(stop))
    try:
        yield
    finally:
        stop.set()
        await task


async def ship(kafka: KafkaSettings, parts: Sequence[Part]) -> None:
    async with producing(kafka) as producer:
        events = [event_of(part) for part in parts]
        sent = [
            await producer.send(TOPICS[e.__struct_config__.tag].name, encode(e), e.partitionkey.encode())
            for e in events
            if isinstance(e.__struct_config__.tag, str)
        ]
        await asyncio.gather(*sent)


async def until_linked(reader: asyncpg.Pool, count: int, seconds: float = 60.0) -> None:
    """Until so many exchanges are linked and have ended."""
    ready = "SELECT count(*) FROM links JOIN exchanges ON id = exchange_id WHERE outcome IS NOT NULL"
    async with asyncio.timeout(seconds):
        while await reader.fetchval(ready) < count:
            await asyncio.sleep(0.01)


async def until_indexed(reader: asyncpg.Pool) -> None:
    """Until what was said can be searched."""
    async with asyncio.timeout(60):
        while await reader.fetchval(
            "SELECT NOT EXISTS (SELECT FROM search_texts) OR EXISTS (SELECT FROM search_queue)"
        ):
            await asyncio.sleep(0.01)


async def test_recorded_traffic_arrives_linked(kafka: KafkaSettings, reader: asyncpg.Pool) -> None:
    count = sum(len(found) for found in scenarios().values())
    async with linking():
        await ship(kafka, everything())
        await until_linked(reader, count)
        await until_indexed(reader)
    fork = {one.seq: one.id for one in scenarios()["fork"]}
    truth = {one.seq: one.truth["parent_seq"] for one in scenarios()["fork"]}
    parents = {
        row["exchange_id"]: row["parent_id"] for row in await reader.fetch("SELECT exchange_id, parent_id FROM links")
    }
    assert {fork[n]: parents[fork[n]] for n in fork} == {fork[n]: fork.get(parent) for n, parent in truth.items()}


async def test_a_changed_conversation_is_told_of(kafka: KafkaSettings, reader: asyncpg.Pool) -> None:
    first = asked(said("user", "find it"), at=0)
    second = asked(said("user", "find it"), said("assistant", "found"), said("user", "good"), at=5)
    async with linking():
        await ship(kafka, [second, answered(second, "bye")])
        await until_linked(reader, 1)
        await ship(kafka, [first, answered(first, "found")])
        moved = {conversation_id(second.exchange_id)}
        told = await conversations_told(kafka, lambda told: _all_told(told, moved))
        async with asyncio.timeout(60):
            while await reader.fetchval("SELECT count(*) FROM outbox"):
                await asyncio.sleep(0.01)
    healed = next(event.data for event in told if event.data.moved_from)
    orphan = next(event.data for event in told if event.data.conversation_id in healed.moved_from)
    assert (orphan.request_count, orphan.title, orphan.moved_from) == (1, "find it", [])
    assert healed.moved_from == [conversation_id(second.exchange_id)]
    assert (healed.request_count, healed.branch_ids) == (2, ["main"])
    assert healed.latest_exchange_id == second.exchange_id
    assert orphan.placed == [Placed(second.exchange_id, "main", "inference")]
    assert Placed(second.exchange_id, "main", "inference") in healed.placed
    assert await reader.fetchval("SELECT count(*) FROM conversations") == 1


def left_behind(title: str) -> ConversationData:
    newest = new_exchange_id()
    return ConversationData(
        conversation_id=conversation_id(newest),
        revision=1,
        domain="a.test",
        title=title,
        request_count=1,
        branch_ids=["main"],
        latest_exchange_id=newest,
    )


async def test_what_an_earlier_run_left_is_told_without_new_traffic(
    kafka: KafkaSettings, writer: asyncpg.Connection
) -> None:
    left = left_behind("left")
    await announce.put_out(writer, [left])
    async with linking():
        told = await conversations_told(kafka, bool)
    assert [event.data for event in told] == [left]


@pytest.mark.parametrize("refuses", ["the producer", "the broker"])
async def test_an_event_that_no_broker_takes_does_not_keep_back_those_behind_it(
    kafka: KafkaSettings, writer: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch, refuses: str
) -> None:
    def with_a_limit(settings: KafkaSettings) -> Any:
        producer: Any = new_producer(settings)
        send = producer.send

        async def send_small(topic: str, value: bytes, key: bytes) -> Any:
            if len(value) < 10_000:
                return await send(topic, value, key=key)
            if refuses == "the producer":
                raise MessageSizeTooLargeError
            refused = asyncio.get_running_loop().create_future()
            refused.set_exception(MessageSizeTooLargeError())
            return refused

        producer.send = send_small
        return producer

    monkeypatch.setattr("plait.common.kafka.new_producer", with_a_limit)
    large, behind = left_behind("x" * 10_000), left_behind("small")
    await announce.put_out(writer, [large, behind])
    async with linking():
        told = await conversations_told(kafka, bool)
        async with asyncio.timeout(60):
            while await writer.fetchval("SELECT count(*) FROM outbox"):
                await asyncio.sleep(0.01)
    assert [event.data for event in told] == [behind]


async def test_a_deleted_conversation_is_told_of_at_once(
    kafka: KafkaSettings, reader: asyncpg.Pool, postgres_url: str
) -> None:
    """Without any traffic that would bring it along."""
    one = asked(said("user", "find it"))
    async with linking():
        await ship(kafka, [one, answered(one, "found")])
        await until_linked(reader, 1)
        pool = await open_pool(postgres_url, name="test", size=1)
        await ask(pool, Selection(conversation=conversation_id(one.exchange_id)), "a test")
        await pool.close()
        told = await conversations_told(kafka, lambda told: any(event.data.deleted for event in told))
    assert told[-1].data.conversation_id == conversation_id(one.exchange_id)


async def conversations_told(
    kafka: KafkaSettings, enough: Callable[[list[ConversationEvent]], bool]
) -> list[ConversationEvent]:
    """What is told of conversations, until that is `enough`."""
    consumer = new_consumer(kafka, "test", [CONVERSATIONS])
    await consumer.start()
    told: list[ConversationEvent] = []
    try:
        async with asyncio.timeout(60):
            while not enough(told):
                for batch in (await consumer.getmany(timeout_ms=100)).values():
                    told += [_told(record.value) for record in batch]
    finally:
        await consumer.stop()
    return told


def _all_told(told: list[ConversationEvent], moved: set[UUID]) -> bool:
    """Whether these were told of, and where they have gone."""
    gone = {number for event in told for number in event.data.moved_from}
    return moved <= gone and moved <= {event.data.conversation_id for event in told}


def _told(value: bytes | None) -> ConversationEvent:
    event = decode(value or b"")
    assert isinstance(event, ConversationEvent)
    return event


async def test_an_answer_is_linked_without_waiting_for_a_next_one(kafka: KafkaSettings, reader: asyncpg.Pool) -> None:
    async with linking():
        for n in range(3):
            request = asked(said("user", f"turn {n}"), at=n, session=f"session {n}")
            await ship(kafka, [request, answered(request, "done")])
            await until_linked(reader, n + 1)


async def test_what_is_no_event_does_not_stop_its_neighbours(kafka: KafkaSettings, reader: asyncpg.Pool) -> None:
    request = asked(said("user", "hi"))
    async with linking():
        async with producing(kafka) as producer:
            await producer.send_and_wait(REQUESTS.name, b'{"type":"plait.request.v9"}', request.thread.encode())
            await producer.send_and_wait(RESPONSES.name, b"\xff", request.thread.encode())
        await ship(kafka, [request, answered(request, "hello")])
        await until_linked(reader, 1)
    assert [UUID(int=row["exchange_id"].int) for row in await reader.fetch("SELECT * FROM links")] == [
        request.exchange_id
    ]
