"""Sums over conversations against the rows themselves, whoever writes in whatever order."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from datetime import timedelta
from decimal import Decimal
from importlib import resources
from typing import Any, Final
from uuid import UUID

import asyncpg
import pytest

from plait.common.errors import DependencyDown
from plait.common.events import RequestData, ResponseData
from plait.common.forgetting import Selection
from plait.common.postgres import Database
from plait.common.pricing.book import PriceBook
from plait.common.queries.conversations import ConversationFilter, list_conversations
from plait.common.queries.exchanges import ExchangeFilter
from plait.common.queries.named import statements
from plait.common.queries.paging import Page
from plait.ledger import conversation_sums
from plait.ledger.conversation_sums import Summing, sum_up_some
from plait.ledger.processor import Ledger
from plait.ledger.recomputing import recompute
from plait.ledger.recounting import recount
from plait.linker.forget.deletion import delete
from plait.linker.processor import Linker
from plait.linker.rebuilding import rebuild
from tests import scene, seeding
from tests.exchange_events import records
from tests.integration.test_ledger_sums import history, imported

WRONG: Final = statements("sums")["other_conversations"].sql
NAMING: Final = (
    "name_conversations, forget_conversations, name_moved, name_unlinked, name_used, name_priced, name_failed"
)
NAMES: Final = ("requests", "tokens", "cost", "unpriced", "failed", "context")
KEPT: Final = """
SELECT id, request_count AS requests, total_tokens AS tokens, cost_usd AS cost, unpriced_count AS unpriced,
    failed_count AS failed, context_tokens AS context
FROM conversation_sums
"""
RAW: Final = """
SELECT
    l.conversation_id AS id, count(*) AS requests,
    coalesce(sum(input_tokens + output_tokens + cache_read_tokens + cache_creation_tokens), 0) AS tokens,
    sum(u.cost_usd) AS cost, count(u.exchange_id) - count(u.cost_usd) AS unpriced,
    count(*) FILTER (WHERE e.outcome = ANY('{failed,interrupted,rejected}')) AS failed,
    (SELECT input_tokens + cache_read_tokens + cache_creation_tokens
    FROM usage JOIN conversations ON latest_id = exchange_id WHERE id = l.conversation_id) AS context
FROM links l JOIN exchanges e ON e.id = l.exchange_id LEFT JOIN usage u ON u.exchange_id = l.exchange_id
WHERE l.conversation_id IS NOT NULL
GROUP BY l.conversation_id
"""


@pytest.fixture
async def database(postgres_url: str) -> AsyncIterator[Database]:
    database = Database(postgres_url, name="test", size=8)
    yield database
    await database.close()


async def sum_all(database: Database) -> None:
    """Until nothing is due; others may be at it too."""
    while True:
        await sum_up_some(database)
        async with database.transaction() as connection:
            if not await connection.fetchval("SELECT EXISTS (SELECT FROM conversation_queue)"):
                return


async def figures(database: Database, statement: str) -> dict[UUID, tuple[Any, ...]]:
    async with database.transaction() as connection:
        rows = await connection.fetch(statement)
    return {UUID(int=row["id"].int): tuple(row[name] for name in NAMES) for row in rows}


async def agree(database: Database) -> None:
    """With the queue empty the sums are those of the rows."""
    await sum_all(database)
    assert await figures(database, KEPT) == await figures(database, RAW)


async def watch(database: Database) -> None:
    """In no snapshot is a sum wrong whose conversation is not due."""
    while True:
        async with database.transaction() as connection:
            assert await connection.fetch(WRONG) == []


async def sum_up_again_and_again(database: Database) -> None:
    while True:
        with suppress(DependencyDown):  # a linker drops a conversation
            await sum_up_some(database)
        await asyncio.sleep(0)


async def test_sums_equal_the_rows_whatever_the_order(database: Database) -> None:
    """Two linkers, two ledgers and two workers; repeats, new prices, recounts, deletions, and imports of what went."""
    chance = random.Random(1)
    told = history(1)
    ledgers, linkers = [Ledger(database) for _ in range(2)], [Linker(database, lambda: None) for _ in range(2)]
    writers: list[Ledger | Linker] = [*ledgers, *linkers]

    async def work(writer: Ledger | Linker, parts: Sequence[RequestData | ResponseData]) -> None:
        for start in range(0, len(parts), 9):
            await writer.process(records(*parts[start : start + 9]))

    async def change_prices() -> None:
        for _ in range(3):
            await recompute(database, PriceBook())
            async with database.transaction() as connection:
                await connection.execute("UPDATE usage SET cost_usd = cost_usd + 1 WHERE input_tokens % 2 = 0")
            async with database.transaction() as connection:
                await recount(connection)

    beside = [asyncio.create_task(work(database)) for work in (watch, sum_up_again_and_again, sum_up_again_and_again)]
    await asyncio.gather(
        change_prices(),
        *(work(writer, chance.sample(told + told[::3], len(told) + len(told[::3]))) for writer in writers),
    )
    await agree(database)
    await delete(database, Selection(before=told[0].started_at + timedelta(seconds=1200)), "ann")
    await agree(database)
    again = [imported(part) for part in chance.sample(told, 20)]
    for writer in (ledgers[0], linkers[0]):
        await writer.process(again)
    await agree(database)
    await delete(database, Selection(domain="a.test"), "ann")
    await agree(database)
    assert await figures(database, KEPT)
    await delete(database, Selection(), "ann")
    await agree(database)
    assert await figures(database, KEPT) == {}
    assert not any(task.done() for task in beside)
    for task in beside:
        task.cancel()
    await asyncio.gather(*beside, return_exceptions=True)


@pytest.mark.parametrize("seed", range(3))
async def test_after_each_batch_lists_show_what_the_rows_say(
    database: Database, reader: asyncpg.Pool, seed: int
) -> None:
    """Whether the worker has been there or not."""
    chance = random.Random(seed)
    told = history(seed)[:40]
    writers: list[Ledger | Linker] = [Ledger(database), Linker(database, lambda: None)]
    dealt = [(writer, part) for writer in writers for part in told]
    chance.shuffle(dealt)
    for start in range(0, len(dealt), 16):
        for writer in writers:
            await writer.process(records(*(part for whose, part in dealt[start : start + 16] if whose is writer)))
        if chance.random() < 0.5:
            await sum_up_some(database)
        listed = await list_conversations(reader, ConversationFilter(), Page(100))
        shown = {
            row.conversation_id: (row.request_count, row.total_tokens, row.unpriced_count, row.failed_count)
            for row in listed.rows
        }
        raw = await figures(database, RAW)
        assert shown == {number: (one[0], one[1], one[3], one[4]) for number, one in raw.items()}
    await agree(database)


async def test_links_that_move_take_their_sums_along(database: Database, writer: asyncpg.Connection) -> None:
    told = history(3)
    for part in (Linker(database, lambda: None), Ledger(database)):
        await part.process(records(*told))
    await agree(database)
    right = await figures(database, KEPT)
    first, second = list(right)[:2]
    move = "UPDATE links SET conversation_id = $1 WHERE conversation_id = $2 RETURNING exchange_id"
    moved = [row["exchange_id"] for row in await writer.fetch(move, first, second)]
    await sum_all(database)
    wrong = await figures(database, KEPT)
    assert wrong[first][1] == right[first][1] + right[second][1]
    assert wrong[second][1] == 0
    await writer.execute("UPDATE links SET conversation_id = $1 WHERE exchange_id = ANY($2)", second, moved)
    async with database.transaction() as connection:
        await rebuild(connection, ExchangeFilter())
    await agree(database)
    assert await figures(database, KEPT) == right


async def test_what_a_worker_had_taken_that_was_broken_off_is_due_as_before(
    database: Database, writer: asyncpg.Connection
) -> None:
    """Here by somebody who deletes, and is not waited for."""
    played = await scene.play(writer)
    await sum_all(database)
    await writer.execute("UPDATE usage SET cost_usd = 7 WHERE exchange_id = $1", played.root)
    deleting = writer.transaction()
    await deleting.start()
    await writer.execute("DELETE FROM conversations WHERE id = $1", played.told)
    with pytest.raises(DependencyDown):
        await sum_up_some(database)
    await deleting.rollback()
    assert (await figures(database, KEPT))[played.told] != (await figures(database, RAW))[played.told]
    await agree(database)


async def test_one_worker_at_a_time_sums_up(database: Database, writer: asyncpg.Connection) -> None:
    await scene.play(writer)
    turn = writer.transaction()
    await turn.start()
    await writer.execute("SELECT pg_advisory_xact_lock(22637163773715001)")
    assert (await sum_up_some(database)).entries == 0
    await turn.rollback()
    assert (await sum_up_some(database)).entries > 0


async def test_sums_go_with_their_conversation(database: Database, writer: asyncpg.Connection) -> None:
    played = await scene.play(writer)
    await sum_all(database)
    await writer.execute("DELETE FROM conversations WHERE id = $1", played.told)
    assert (await figures(database, KEPT)).keys() == {played.open}


async def test_long_conversations_rest_between_two_times(
    database: Database, writer: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conversation_sums, "_LONG", 6)
    played, now = await scene.play(writer), 0.0
    worker = Summing(database, lambda: now)
    assert await worker.work() > 0

    async def costs() -> Decimal | None:
        found: Decimal | None = await writer.fetchval(
            "SELECT cost_usd FROM conversation_sums WHERE id = $1", played.told
        )
        return found

    before = await costs()
    await writer.execute("UPDATE usage SET cost_usd = 7 WHERE exchange_id = $1", played.root)
    other = await seeding.add_exchange(writer, 99)
    await seeding.add_conversation(writer, other)
    assert await worker.work() == 1, "the other one's"
    assert (await worker.work(), await costs()) == (0, before)
    now = 6 * conversation_sums._REST_S + 0.001
    assert await worker.work() == 1
    assert await costs() != before
    assert await writer.fetch("SELECT FROM conversation_queue") == []


async def test_no_more_are_summed_up_at_once_than_is_bearable(
    database: Database, writer: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    await scene.play(writer)
    monkeypatch.setattr(conversation_sums, "_EXCHANGES", 1)
    entries = await writer.fetchval("SELECT count(*) FROM conversation_queue")
    assert 0 < (await sum_up_some(database)).entries < entries
    await agree(database)
    assert len(await figures(database, KEPT)) == 2


async def test_what_was_recorded_before_is_summed_up_by_the_migration(
    database: Database, writer: asyncpg.Connection
) -> None:
    await scene.play(writer)
    await writer.execute(f"DROP FUNCTION {NAMING} CASCADE; DROP VIEW conversations_summed CASCADE")
    await writer.execute("DROP TABLE conversation_sums, conversation_queue CASCADE")
    file = resources.files("plait.common") / "migrations" / "0013_conversation_sums.sql"
    await writer.execute(file.read_text(encoding="utf-8"))
    assert len(await figures(database, KEPT)) == 2
    assert await writer.fetch(WRONG) == []
