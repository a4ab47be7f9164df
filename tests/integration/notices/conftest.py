"""A stage for each test, on one database that all of them use one after the other."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import pytest

from plait.fakes.slack import ScriptedSlack
from tests import servers
from tests.notice_stage import Stage, a_stage


@pytest.fixture(scope="module")
def notices_database(postgres_server: str, migrated_template: str) -> Iterator[str]:
    with servers.fresh_database(postgres_server, migrated_template) as url:
        yield url


@pytest.fixture
async def database_url(notices_database: str) -> str:
    """Its address; it is empty."""
    connection = await asyncpg.connect(notices_database)
    try:
        rows = await connection.fetch(
            "SELECT oid::regclass::text AS name FROM pg_class WHERE relnamespace = 'public'::regnamespace"
            " AND relkind IN ('r', 'p') AND NOT relispartition AND relname <> 'migrations'"
        )
        deletions = (f"DELETE FROM {row['name']}" for row in rows)  # quicker than TRUNCATE, which makes files anew
        await connection.execute(f"SET session_replication_role = replica; {'; '.join(deletions)}")
    finally:
        await connection.close()
    return notices_database


@pytest.fixture
async def slack() -> AsyncIterator[ScriptedSlack]:
    async with ScriptedSlack() as slack:
        yield slack


@pytest.fixture
async def stage(database_url: str, tmp_path: Path, slack: ScriptedSlack) -> AsyncIterator[Stage]:
    async with a_stage(database_url, tmp_path, slack) as stage:
        yield stage
