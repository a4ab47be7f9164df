"""A database that makes us wait is down for now: the rows in hand are not at fault and are tried again."""

from __future__ import annotations

import asyncio
from typing import Any

import asyncpg
import pytest

from plait.common.errors import DependencyDown
from plait.common.postgres import DOWN, Database, open_pool

TAKE = "SELECT pg_advisory_xact_lock(1)"


async def take(database: Database, limit: str) -> None:
    async with database.transaction() as connection:
        await connection.execute(f"SET LOCAL {limit} = '20ms'")
        await connection.execute(TAKE)


@pytest.mark.parametrize("limit", ["statement_timeout", "lock_timeout"])
async def test_a_lock_that_another_holds_too_long_is_a_database_that_is_down(postgres_url: str, limit: str) -> None:
    database = Database(postgres_url, name="test", size=2)
    async with database.transaction() as first:
        await first.execute(TAKE)
        with pytest.raises(DependencyDown):
            await take(database, limit)
    async with database.transaction() as free:
        await free.execute(TAKE)
    await database.close()


@pytest.mark.parametrize("error", [asyncpg.IdleInTransactionSessionTimeoutError, asyncpg.DatabaseDroppedError])
def test_a_session_that_postgres_ends_is_a_database_that_is_down(error: type[Exception]) -> None:
    assert issubclass(error, DOWN)


async def test_postgres_ends_a_statement_before_we_stop_waiting_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, Any] = {}

    async def create_pool(_url: str, **given: Any) -> None:
        asked.update(given)

    monkeypatch.setattr(asyncpg, "create_pool", create_pool)
    await open_pool("postgresql://nobody", name="test", statement_timeout_ms=90_000)
    assert asked["command_timeout"] * 1000 > int(asked["server_settings"]["statement_timeout"])


async def test_who_is_told_to_stop_stops_though_the_database_goes_away_too(postgres_url: str) -> None:
    database = Database(postgres_url, name="test", size=1)
    inside = asyncio.Event()

    async def work() -> None:
        async with database.transaction():
            inside.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(work())
    await inside.wait()
    task.cancel()
    await database.close()
    with pytest.raises(asyncio.CancelledError):
        await task
