"""Linkers killed at random points, and killed again: nothing is lost, nothing is double, the tree is the same."""

from __future__ import annotations

import asyncio
import os
import random
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import asyncpg
import pytest

from plait.common.kafka import admin_client, committed_offsets, is_embedded
from plait.common.postgres import Database
from plait.common.settings import KafkaSettings
from plait.common.topics import CHUNKS, REQUESTS, RESPONSES
from plait.linker.main import GROUP
from plait.linker.processor import Linker
from tests.contract.consuming import make_topics, settings_of
from tests.exchange_events import Part
from tests.integration.test_linker_corpus import feed, forget, tree_in
from tests.integration.test_linker_service import ship
from tests.recorded_events import everything
from tests.servers import Broker

KILLS = 4
"""With a group each costs a session: the broker waits for the dead member before it lets the next one begin."""
_LINKER = "import asyncio; from plait.linker.main import run; asyncio.run(run(asyncio.Event()))"


class Process:
    """A linker in a process of its own."""

    def __init__(self, kafka: KafkaSettings, database: str, log: Path) -> None:
        named = {
            "DATABASE_URL": database,
            "KAFKA_BOOTSTRAP_SERVERS": kafka.kafka_bootstrap_servers,
            "KAFKA_FLAVOR": kafka.kafka_flavor,
            "KAFKA_ASSIGNMENT": "all" if is_embedded(kafka) else "group",  # as `plait up` and deployments have it
        }
        with log.open("ab") as out:
            self._process = subprocess.Popen([sys.executable, "-c", _LINKER], env=os.environ | named, stderr=out)

    def kill(self) -> None:
        assert self._process.poll() is None
        self._process.kill()
        self._process.wait()


@pytest.fixture
async def database(postgres_url: str) -> AsyncIterator[Database]:
    database = Database(postgres_url, name="test", size=2)
    yield database
    await database.close()


async def wanted_tree(database: Database, parts: Sequence[Part]) -> dict[str, set[tuple[object, ...]]]:
    await feed(Linker(database, lambda: None), parts)
    tree = await tree_in(database)
    await forget(database)
    return tree


async def stored(database: Database) -> int:
    """Rows so far: grows while a linker works."""
    async with database.transaction() as connection:
        count: int = await connection.fetchval("SELECT (SELECT count(*) FROM facts) + (SELECT count(*) FROM chunks)")
        return count


async def until_stored(database: Database, before: int) -> None:
    """Until there is more than before: a linker is at work."""
    async with asyncio.timeout(60):
        while await stored(database) <= before:
            await asyncio.sleep(0.005)


async def test_killed_again_and_again(broker: Broker, postgres_url: str, database: Database, tmp_path: Path) -> None:
    parts = everything()
    wanted = await wanted_tree(database, parts)
    kafka = settings_of(broker)
    await make_topics(kafka)
    chance = random.Random(7)
    slices = [parts[n :: KILLS + 1] for n in range(KILLS + 1)]
    for share in slices[:-1]:
        linker = Process(kafka, postgres_url, tmp_path / "linker.log")
        before = await stored(database)
        await ship(kafka, share)
        await until_stored(database, before)
        await asyncio.sleep(chance.uniform(0, 0.05))  # a random point of the work that has begun
        linker.kill()
    linker = Process(kafka, postgres_url, tmp_path / "linker.log")
    await ship(kafka, slices[-1])
    try:
        await until_all_committed(kafka, len(parts))
    finally:
        linker.kill()
    assert await tree_in(database) == wanted
    assert "Traceback" not in (tmp_path / "linker.log").read_text()


async def until_all_committed(kafka: KafkaSettings, count: int, seconds: float = 90.0) -> None:
    async with asyncio.timeout(seconds), admin_client(kafka) as admin:
        while sum((await committed_offsets(admin, GROUP, [REQUESTS, CHUNKS, RESPONSES])).values()) < count:
            await asyncio.sleep(0.1)


async def test_the_database_goes_and_comes_back_in_the_middle(
    broker: Broker, postgres_url: str, database: Database, tmp_path: Path
) -> None:
    """All connections of the linker are cut, again and again, while it works."""
    parts = everything()
    wanted = await wanted_tree(database, parts)
    kafka = settings_of(broker)
    await make_topics(kafka)
    linker = Process(kafka, postgres_url, tmp_path / "linker.log")
    cutter: asyncpg.Connection = await asyncpg.connect(postgres_url)
    cut = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'plait-linker'"
    cuts = 0
    try:
        for share in (parts[n::10] for n in range(10)):
            before = await stored(database)
            await ship(kafka, share)
            await until_stored(database, before)
            cuts += await cutter.fetchval(cut)
        await until_all_committed(kafka, len(parts))
    finally:
        await cutter.close()
        linker.kill()
    assert cuts > 0
    assert await tree_in(database) == wanted
