"""The tests' own servers keep what they promise: fresh, migrated, empty."""

from __future__ import annotations

import os

import asyncpg
import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from plait.common.migrate import migrations
from tests.servers import Broker, own_topics


@pytest.mark.parametrize("round_", [1, 2])
async def test_each_test_gets_a_migrated_database_without_rows(postgres_url: str, round_: int) -> None:
    connection = await asyncpg.connect(postgres_url)
    applied = await connection.fetchval("SELECT count(*) FROM migrations")
    rows = await connection.fetchval("SELECT count(*) FROM blobs")
    await connection.execute("INSERT INTO blobs (hash, size, data) VALUES ('a', 1, 'b')")
    await connection.close()
    assert (applied, rows) == (len(migrations()), 0)


async def test_an_empty_database_has_no_tables(empty_postgres_url: str) -> None:
    connection = await asyncpg.connect(empty_postgres_url)
    tables = await connection.fetchval("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")
    await connection.close()
    assert tables == 0


@pytest.mark.parametrize("round_", [1, 2])
async def test_each_test_gets_a_broker_without_topics(broker: Broker, round_: int) -> None:
    found = await own_topics(broker.servers)
    admin = AIOKafkaAdminClient(bootstrap_servers=broker.servers)
    await admin.start()
    await admin.create_topics([NewTopic("plait.requests", 8, 1)])
    await admin.close()
    assert found == []


def test_the_flavor_is_the_one_asked_for(broker: Broker) -> None:
    if os.environ.get("PLAIT_TEST_BROKER"):
        assert broker.flavor == os.environ["PLAIT_TEST_BROKER"]
    else:
        assert broker.flavor in {"embedded", "kafka"}
