"""The read API on a database of the test's own."""

from __future__ import annotations

from collections.abc import AsyncIterator

import asyncpg
import httpx2
import pytest

from plait.api.app import create_app
from plait.api.database import Database
from tests import scene

KEY = {"X-Dashboard-Key": "key"}


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


async def served(url: str) -> AsyncIterator[httpx2.AsyncClient]:
    database = Database(url)
    transport = httpx2.ASGITransport(app=create_app(database, "key"))
    async with httpx2.AsyncClient(transport=transport, base_url="http://api.test", headers=KEY) as client:
        yield client
    await database.close()
