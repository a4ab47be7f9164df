"""Migrations on a real Postgres: applied once, in order, by one process at a time, and never over foreign contents."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from uuid import UUID

import asyncpg
import pytest

from plait.common.errors import UserError
from plait.common.ids import new_exchange_id
from plait.common.migrate import Migration, migrate, migrations


@pytest.fixture
async def database(empty_postgres_url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(empty_postgres_url)
    yield connection
    await connection.close()


async def tables(connection: asyncpg.Connection) -> set[str]:
    found = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    return {row["tablename"] for row in found}


def test_numbers_run_without_gap() -> None:
    assert [m.number for m in migrations()] == list(range(1, len(migrations()) + 1))


async def test_from_nothing(database: asyncpg.Connection) -> None:
    assert await migrate(database) == migrations()
    assert {"exchanges", "blobs", "chains", "links", "conversations", "usage", "migrations"} <= await tables(database)


async def test_twice_applies_nothing(database: asyncpg.Connection) -> None:
    await migrate(database)
    before = await tables(database)
    assert await migrate(database) == []
    assert await tables(database) == before


async def test_many_at_once_apply_each_once(empty_postgres_url: str) -> None:
    connections = [await asyncpg.connect(empty_postgres_url) for _ in range(6)]
    try:
        applied = await asyncio.gather(*map(migrate, connections))
    finally:
        await asyncio.gather(*(connection.close() for connection in connections))
    assert sorted(m.number for each in applied for m in each) == [m.number for m in migrations()]


async def test_the_rest_is_applied_to_an_older_database(
    database: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    every = migrations()
    monkeypatch.setattr("plait.common.migrate.migrations", lambda: every[:1])
    assert await migrate(database) == every[:1]
    monkeypatch.setattr("plait.common.migrate.migrations", lambda: every)
    assert await migrate(database) == every[1:]


async def test_a_changed_file_is_refused(database: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    await migrate(database)
    first, *rest = migrations()
    changed = [Migration(first.number, first.name, first.sql + "\n"), *rest]
    monkeypatch.setattr("plait.common.migrate.migrations", lambda: changed)
    with pytest.raises(UserError, match=f"Migration 1 \\({first.name}\\) was applied with other contents"):
        await migrate(database)


async def test_a_newer_database_is_refused(database: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    await migrate(database)
    *older, newest = migrations()
    monkeypatch.setattr("plait.common.migrate.migrations", lambda: older)
    with pytest.raises(UserError, match=f"migration {newest.number}, which this version of Plait does not know"):
        await migrate(database)


async def test_one_that_fails_leaves_nothing_and_stops_the_rest(
    database: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = Migration(1, "broken", "CREATE TABLE half (id integer); SELECT 1 / 0;")
    after = Migration(2, "after", "CREATE TABLE after (id integer)")
    monkeypatch.setattr("plait.common.migrate.migrations", lambda: [broken, after])
    with pytest.raises(asyncpg.DivisionByZeroError):
        await migrate(database)
    assert await tables(database) == {"migrations"}
    monkeypatch.setattr("plait.common.migrate.migrations", lambda: [after])
    assert await migrate(database) == [after], "the lock is given back"


async def test_months_get_partitions_once_and_old_rows_stay(database: asyncpg.Connection) -> None:
    await migrate(database)
    since, until = datetime(2031, 1, 15, tzinfo=UTC), datetime(2031, 3, 1, tzinfo=UTC)
    in_february = new_exchange_id(datetime(2031, 2, 10, tzinfo=UTC).timestamp())
    await database.execute("INSERT INTO chunks VALUES ($1, 0, 1, '')", in_february)

    assert await database.fetchval("SELECT ensure_partitions($1, $2)", since, until) == 8
    assert await database.fetchval("SELECT ensure_partitions($1, $2)", since, until) == 0
    assert await database.fetchval("SELECT tableoid::regclass::text FROM chunks") == "chunks_rest"


@pytest.mark.parametrize("at", [0.0, 1_700_000_000.123, 4_000_000_000.999])
async def test_the_floor_of_a_moment_is_at_or_below_its_ids(database: asyncpg.Connection, at: float) -> None:
    await migrate(database)
    ask = "SELECT uuid_floor(to_timestamp($1::float8))"
    floor, above = [await database.fetchval(ask, moment) for moment in (at, at + 0.002)]
    assert floor <= new_exchange_id(at) < above


_TOLD_BY_ANSWERS = (
    "status outcome streamed response_size ended_at first_byte_ms first_token_ms duration_ms tool_call_count"
)


async def test_indexes_are_of_shapes_that_last(database: asyncpg.Connection) -> None:
    await migrate(database)
    rows = await database.fetch("SELECT tablename, indexdef FROM pg_indexes WHERE schemaname = 'public'")
    indexes = [(row["tablename"], row["indexdef"]) for row in rows]
    of_exchanges = " ".join(index for table, index in indexes if table == "exchanges")
    assert set(re.findall(r"\w+", of_exchanges)).isdisjoint(_TOLD_BY_ANSWERS.split()), "an answer rewrites no index"
    assert [index for _, index in indexes if " DESC" in index] == [], "filled at its beginning, with half empty pages"
    assert [index for _, index in indexes if "USING hash" in index] == [], "slow for what is there again and again"


async def test_what_runs_is_known_until_it_is_answered_or_deleted(database: asyncpg.Connection) -> None:
    await migrate(database)
    ids = sorted(new_exchange_id(float(n)) for n in range(3))
    add = "INSERT INTO exchanges (id, domain, started_at, outcome) SELECT *, 'a', now(), NULL FROM unnest($1::uuid[])"
    await database.execute(add, ids)
    await database.execute("UPDATE exchanges SET kind = 'quota'")
    assert await running(database) == ids
    await database.execute("UPDATE exchanges SET outcome = 'complete' WHERE id = $1", ids[0])
    await database.execute("DELETE FROM exchanges WHERE id = $1", ids[1])
    assert await running(database) == ids[2:]


async def running(database: asyncpg.Connection) -> list[UUID]:
    return [row[0] for row in await database.fetch("SELECT exchange_id FROM running ORDER BY 1")]
