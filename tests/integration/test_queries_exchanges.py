"""Lists of exchanges on a real Postgres."""

from __future__ import annotations

from collections.abc import AsyncIterator

import asyncpg
import pytest

from plait.common.queries.exchanges import ExchangeFilter, list_exchanges
from plait.common.queries.paging import Page
from tests import seeding


@pytest.fixture
async def db(postgres_url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(postgres_url)
    yield connection
    await connection.close()


async def test_list(db: asyncpg.Connection) -> None:
    a = await seeding.add_exchange(db)
    listed = await list_exchanges(db, ExchangeFilter(), Page())
    assert [r.request_id for r in listed.rows] == [a]
