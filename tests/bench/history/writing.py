"""A history by COPY into a migrated database; indexes are made afterwards."""

from __future__ import annotations

import heapq
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import asyncpg

from tests.bench.history import DAYS
from tests.bench.history.accounting import limit_rows, window_rows
from tests.bench.history.conversation import Conversation
from tests.bench.history.rows import COLUMNS, Row, Rows
from tests.bench.history.schedule import schedule
from tests.bench.history.tally import Tally
from tests.bench.history.told import Told

_BATCH: Final = 10_000
"""Exchanges that are copied together."""
_INDEXES: Final = """
SELECT x.indexrelid::regclass::text AS name, pg_get_indexdef(x.indexrelid) AS definition
FROM pg_index AS x
JOIN pg_class AS t ON t.oid = x.indrelid
JOIN pg_class AS i ON i.oid = x.indexrelid
WHERE t.relname = ANY($1) AND NOT x.indisunique AND i.relkind = 'i'
ORDER BY 1
"""


def told(seed: int, exchanges: int, end: datetime) -> Iterator[tuple[Told, bool]]:
    """Every exchange in the order of their starts, and whether its conversation is over with it."""
    slots = schedule(seed, exchanges, end)
    running: list[tuple[datetime, int, Told, Iterator[Told]]] = []
    for slot in slots:
        while running and running[0][0] <= slot.start:
            yield _advance(running)
        talk = Conversation(seed, slot, end).exchanges()
        first = next(talk)
        heapq.heappush(running, (first.at, slot.number, first, talk))
    while running:
        yield _advance(running)


def _advance(running: list[tuple[datetime, int, Told, Iterator[Told]]]) -> tuple[Told, bool]:
    _, number, one, talk = running[0]
    following = next(talk, None)
    if following is None:
        heapq.heappop(running)
    else:
        heapq.heapreplace(running, (following.at, number, following, talk))
    return one, following is None


async def write(url: str, seed: int, exchanges: int, end: datetime, tell: Callable[[int], None]) -> None:
    """Fill an empty, migrated database; `tell` is called with how many exchanges are there."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("SET synchronous_commit = off; SET maintenance_work_mem = '512MB'")
        await connection.execute("SELECT ensure_partitions($1, $2)", end - timedelta(days=DAYS + 1), end)
        async with _without_indexes(connection):
            await _copy_all(connection, told(seed, exchanges, end), tell)
            await _copy(connection, {"account_limits": [*limit_rows(end)], "limit_windows": [*window_rows(end)]})
        await connection.execute("INSERT INTO conversation_sums SELECT * FROM conversations_summed")
        await connection.execute("TRUNCATE conversation_queue")
        await connection.execute("SELECT setval('search_numbers', max(number)) FROM search_texts")
        await connection.execute("VACUUM ANALYZE")
    finally:
        await connection.close()


async def _copy_all(
    connection: asyncpg.Connection, every: Iterator[tuple[Told, bool]], tell: Callable[[int], None]
) -> None:
    rows, tallies, count = Rows(), dict[UUID | None, Tally](), 0
    for one, is_last in every:
        rows.add(one)
        name = one.linked.conversation_id
        tally = tallies.setdefault(name, Tally(one))
        tally.add(one)
        if is_last:
            rows.add_conversation(tallies.pop(name).row())
        count += 1
        if count % _BATCH == 0:
            await _copy(connection, rows.take())
            tell(count)
    rows.close()
    await _copy(connection, rows.take())
    tell(count)


async def _copy(connection: asyncpg.Connection, rows: dict[str, list[Row]]) -> None:
    async with connection.transaction():
        for table, columns in COLUMNS.items():
            if rows.get(table):
                await connection.copy_records_to_table(table, records=rows[table], columns=columns.split())
        await connection.execute("SELECT settle_usage_slots(), settle_tool_slots()")


@asynccontextmanager
async def _without_indexes(connection: asyncpg.Connection) -> AsyncIterator[None]:
    """Those that no constraint needs are put aside meanwhile, but for those of partitioned tables."""
    indexes = await connection.fetch(_INDEXES, list(COLUMNS))
    for index in indexes:
        await connection.execute(f"DROP INDEX {index['name']}")
    yield
    for index in indexes:
        await connection.execute(index["definition"])
