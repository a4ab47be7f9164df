"""What tests meet a database with: one that fills it, and the pool that queries get; and a broker for services."""

from __future__ import annotations

from collections.abc import AsyncIterator

import asyncpg
import pytest

from plait.common.postgres import open_pool
from plait.common.settings import KafkaSettings
from tests.contract.consuming import make_topics, settings_of
from tests.servers import Broker


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


@pytest.fixture
async def kafka(broker: Broker, postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> KafkaSettings:
    """The broker, with topics; the environment names it and the database."""
    monkeypatch.setenv("DATABASE_URL", postgres_url)
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", broker.servers)
    monkeypatch.setenv("KAFKA_FLAVOR", broker.flavor)
    settings = settings_of(broker)
    await make_topics(settings)
    return settings
