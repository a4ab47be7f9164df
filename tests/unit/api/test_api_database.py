"""Opening the pool: one attempt for all who wait, and a new one after a failure."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from plait.api import database
from plait.api.database import Database
from plait.common.errors import DependencyDown


class Opener:
    """Stands in for `open_pool`: fails so often, then gives a pool, when it is let."""

    def __init__(self, failures: int) -> None:
        self.failures, self.attempts, self.let = failures, 0, asyncio.Event()

    async def __call__(self, url: str, **options: Any) -> Any:
        self.attempts += 1
        await self.let.wait()
        if self.attempts <= self.failures:
            raise DependencyDown
        return object()


async def many(database: Database) -> list[Any]:
    return await asyncio.gather(*(database.pool() for _ in range(20)), return_exceptions=True)


async def test_all_wait_for_one_attempt(monkeypatch: pytest.MonkeyPatch) -> None:
    opener = Opener(failures=1)
    monkeypatch.setattr(database, "open_pool", opener)
    opener.let.set()
    source = Database("postgresql://nowhere")
    assert {type(found) for found in await many(source)} == {DependencyDown}
    assert opener.attempts == 1
    (pool,) = set(await many(source))
    assert opener.attempts == 2
    assert await source.pool() is pool
    assert opener.attempts == 2


async def test_one_who_gives_up_waiting_spoils_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    opener = Opener(failures=0)
    monkeypatch.setattr(database, "open_pool", opener)
    source = Database("postgresql://nowhere")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await source.pool()
    opener.let.set()
    assert await source.pool() is await source.pool()
    assert opener.attempts == 1


async def test_closing_while_it_opens(monkeypatch: pytest.MonkeyPatch) -> None:
    opener = Opener(failures=0)
    monkeypatch.setattr(database, "open_pool", opener)
    source = Database("postgresql://nowhere")
    waiting = asyncio.create_task(source.pool())
    while not opener.attempts:
        await asyncio.sleep(0)
    await source.close()
    with pytest.raises(asyncio.CancelledError):
        await waiting
