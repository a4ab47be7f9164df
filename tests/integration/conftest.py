"""Two ways into a test's database: one that fills it, and the read-only pool that queries get."""

from __future__ import annotations

from collections.abc import AsyncIterator

import asyncpg
import pytest

from plait.common.postgres import open_pool


@pytest.fixture
async def writer(postgres_url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(postgres_url)
    yield connection
    await connection.close()


@pytest.fixture
async def reader(postgres_url: str) -> AsyncIterator[asyncpg.Pool]:
    pool = await open_pool(postgres_url, name="test", read_only=True)
    yield pool
    await pool.close()
