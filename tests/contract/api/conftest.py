"""The read API on a database of the test's own, and on the recorded history."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

import asyncpg
import httpx2
import pytest

from plait.api.app import create_app
from plait.api.database import Database
from tests import recorded_history, scene, seeding
from tests.recorded_history import History
from tests.servers import alone, fresh_database

KEY = {"X-Dashboard-Key": "key"}


@dataclass(frozen=True)
class Filled:
    """A database that holds the recorded history."""

    url: str
    history: History


@pytest.fixture(scope="session")
def filled(postgres_server: str, migrated_template: str) -> Iterator[Filled]:
    """Filled once; nobody may change it."""
    with fresh_database(postgres_server, migrated_template) as url:
        yield Filled(url, alone(recorded_history.store(url)))


@pytest.fixture
async def recorded(filled: Filled) -> AsyncIterator[httpx2.AsyncClient]:
    """The API on the recorded history."""
    async for client in served(filled.url):
        yield client


@pytest.fixture
async def client(postgres_url: str) -> AsyncIterator[httpx2.AsyncClient]:
    """The API on a database of the test's own."""
    async for client in served(postgres_url):
        yield client


@pytest.fixture
async def played(postgres_url: str) -> scene.Scene:
    """The small history, in the test's own database."""
    connection = await asyncpg.connect(postgres_url)
    try:
        return await scene.play(connection)
    finally:
        await connection.close()


@pytest.fixture
async def whole(played: scene.Scene, postgres_url: str) -> scene.Scene:
    """The small history with all that a whole record has."""
    connection = await asyncpg.connect(postgres_url)
    await connection.execute(
        "UPDATE exchanges SET request_size = 9, response_size = 9, query = '',"
        " ended_at = CASE WHEN outcome IS NOT NULL THEN started_at END"
    )
    for exchange in (played.title, played.more, played.task, played.other, played.failed):
        await seeding.add_request_body(connection, exchange, b"{}")
        await seeding.add_answer_body(connection, exchange, b"{}")
    await seeding.add_analysis(connection, played.told)
    await connection.close()
    return played


async def served(url: str) -> AsyncIterator[httpx2.AsyncClient]:
    database = Database(url)
    transport = httpx2.ASGITransport(app=create_app(database, "key"))
    async with httpx2.AsyncClient(transport=transport, base_url="http://api.test", headers=KEY) as client:
        yield client
    await database.close()
