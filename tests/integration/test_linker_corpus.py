"""Recorded traffic, whose true links are known, through the linker into Postgres."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from plait.common.events import ConversationData, ConversationEvent, decode
from plait.common.postgres import Database
from plait.linker.domain.lookup import FOREVER
from plait.linker.processor import Linker
from tests.exchange_events import Part, records
from tests.recorded_events import everything, parts_of, scenarios

BATCH = 40
TREE = ("exchange_id", "conversation_id", "parent_id", "link_kind", "branch_id", "retry_of", "serves_id", "rule")


@pytest.fixture
async def database(postgres_url: str) -> AsyncIterator[Database]:
    database = Database(postgres_url, name="test", size=4)
    yield database
    await database.close()


@pytest.fixture
async def linker(database: Database) -> Linker:
    return Linker(database, lambda: None)


async def feed(linker: Linker, parts: Sequence[Part], size: int = BATCH) -> None:
    for start in range(0, len(parts), size):
        assert not await linker.process(records(*parts[start : start + size]))


async def tree_in(database: Database) -> dict[str, set[tuple[Any, ...]]]:
    """Links and conversations as they are now."""
    async with database.transaction() as connection:
        links = await connection.fetch(f"SELECT {', '.join(TREE)}, is_subtask, parent_task_id FROM links")
        found = await connection.fetch("SELECT * FROM conversations")
        kinds = await connection.fetch("SELECT id, kind, outcome, preview FROM exchanges")
    return {
        "links": {tuple(row) for row in links},
        "conversations": {tuple(map(_hashable, row)) for row in found},
        "kinds": {tuple(row) for row in kinds},
    }


def _hashable(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


async def forget(database: Database) -> None:
    async with database.transaction() as connection:
        tables = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        names = ", ".join(row["tablename"] for row in tables if row["tablename"] != "migrations")
        await connection.execute(f"TRUNCATE {names}")


async def right_links(database: Database) -> tuple[int, list[str]]:
    """How many recorded links are as they truly were, and which are not."""
    async with database.transaction() as connection:
        links = {row["exchange_id"]: row for row in await connection.fetch("SELECT * FROM links")}
    right, wrong = 0, []
    for name, found in scenarios().items():
        ids = {one.seq: one.id for one in found}
        for one in found:
            truth = one.truth
            if truth["link"] == "aux":
                continue
            parent = ids.get(truth["parent_seq"])
            if one.id in links and links[one.id]["parent_id"] == parent:
                right += 1
            else:
                wrong.append(f"{name}/{one.seq}")
    return right, wrong


async def test_recorded_links_are_right(linker: Linker, database: Database) -> None:
    await feed(linker, everything())
    right, wrong = await right_links(database)
    assert right >= 90
    assert wrong == []


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_any_order_gives_the_same_tree(linker: Linker, database: Database, seed: int) -> None:
    await feed(linker, everything())
    wanted = await tree_in(database)
    await forget(database)
    shuffled = everything() * 2
    random.Random(seed).shuffle(shuffled)
    await feed(linker, shuffled, size=7)
    assert await tree_in(database) == wanted


async def test_one_event_at_a_time_gives_the_same_tree(linker: Linker, database: Database) -> None:
    parts = [
        part
        for name in ("fork", "subagent_nested", "compact_auto")
        for one in scenarios()[name]
        for part in parts_of(one)
    ]
    await feed(linker, parts, size=len(parts))
    wanted = await tree_in(database)
    await forget(database)
    await feed(linker, parts[::-1], size=1)
    assert await tree_in(database) == wanted


async def test_linkers_side_by_side_give_the_same_tree(postgres_url: str, linker: Linker, database: Database) -> None:
    await feed(linker, everything())
    wanted = await tree_in(database)
    await forget(database)
    others = [Database(postgres_url, name=f"linker {n}", size=2) for n in range(4)]
    shares = [everything()[n::4] for n in range(4)]
    try:
        async with asyncio.timeout(60), asyncio.TaskGroup() as group:
            for other, share in zip(others, shares, strict=True):
                group.create_task(feed(Linker(other, lambda: None), share, size=9))
    finally:
        for other in others:
            await other.close()
    assert await tree_in(database) == wanted


async def test_of_what_linkers_side_by_side_tell_the_highest_revision_holds(
    postgres_url: str, database: Database
) -> None:
    """However their events reach the broker: a consumer that keeps the highest has every conversation as it is."""
    others = [Database(postgres_url, name=f"linker {n}", size=2) for n in range(4)]
    parts = everything()
    random.Random(4).shuffle(parts)
    try:
        async with asyncio.timeout(60), asyncio.TaskGroup() as group:
            for number, other in enumerate(others):
                group.create_task(feed(Linker(other, lambda: None), parts[number::4], size=9))
    finally:
        for other in others:
            await other.close()
    async with database.transaction() as connection:
        events = [decode(bytes(row["event"])) for row in await connection.fetch("SELECT event FROM outbox")]
        rows = await connection.fetch("SELECT id, title, request_count, branch_ids, latest_id FROM conversations")
    told: dict[UUID, ConversationData] = {}
    gone: set[UUID] = set()
    for event in events:
        assert isinstance(event, ConversationEvent)
        gone |= set(event.data.moved_from)
        known = told.get(event.data.conversation_id)
        assert known is None or known.revision != event.data.revision
        if known is None or known.revision < event.data.revision:
            told[event.data.conversation_id] = event.data
    assert len(events) > len(told)
    now = {(row["id"], row["title"], row["request_count"], tuple(row["branch_ids"]), row["latest_id"]) for row in rows}
    assert now <= {
        (one.conversation_id, one.title, one.request_count, tuple(one.branch_ids), one.latest_exchange_id)
        for one in told.values()
    }
    assert told.keys() - {row["id"] for row in rows} <= gone


async def test_what_was_asked_is_read_as_it_was_written(linker: Linker, database: Database) -> None:
    await feed(linker, everything())
    async with database.transaction() as connection:
        until = {row["until"] for row in await connection.fetch("SELECT DISTINCT until FROM link_asks")}
    assert FOREVER in until
    assert all(one.tzinfo for one in until)


async def test_a_repeat_of_everything_changes_nothing(linker: Linker, database: Database) -> None:
    await feed(linker, everything())
    before = await tree_in(database)
    async with database.transaction() as connection:
        await connection.execute("TRUNCATE outbox")
    await feed(linker, everything())
    assert await tree_in(database) == before
    async with database.transaction() as connection:
        assert await connection.fetchval("SELECT count(*) FROM outbox") == 0


async def test_every_sample_has_its_conversation_row(linker: Linker, database: Database) -> None:
    await feed(linker, everything())
    async with database.transaction() as connection:
        strays = await connection.fetchval(
            "SELECT count(*) FROM links l FULL JOIN conversations c ON c.id = l.conversation_id"
            " WHERE (l.exchange_id IS NULL) OR (l.conversation_id IS NOT NULL AND c.id IS NULL)"
        )
        counted: asyncpg.Record | None = await connection.fetchrow(
            "SELECT sum(request_count) AS requests, count(*) AS conversations FROM conversations"
        )
        linked = await connection.fetchval("SELECT count(*) FROM links WHERE conversation_id IS NOT NULL")
    assert strays == 0
    assert counted is not None
    assert counted["requests"] == linked
