"""Reading no more than what belongs to some domains, whatever is asked: Postgres itself sees to it (roles.sql)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from typing import Any

import asyncpg

_NAME_DOMAINS = "SELECT set_config('plait.domains', $1::text[]::text, false)"


class Scoped:
    """A pool in the role `plait_limited`, as queries use one: each of its connections is told the domains first."""

    def __init__(self, pool: asyncpg.Pool, domains: Collection[str]) -> None:
        self._pool = pool
        self._domains = sorted(domains)

    @asynccontextmanager
    async def acquire(self) -> AsyncIterator[asyncpg.pool.PoolConnectionProxy]:
        """A connection that sees these domains alone."""
        async with self._pool.acquire() as connection:
            await connection.execute(_NAME_DOMAINS, self._domains)
            yield connection

    async def fetch(self, query: str, *args: object) -> list[asyncpg.Record]:
        """All rows."""
        async with self.acquire() as connection:
            return await connection.fetch(query, *args)

    async def fetchrow(self, query: str, *args: object) -> asyncpg.Record | None:
        """The first row."""
        async with self.acquire() as connection:
            return await connection.fetchrow(query, *args)

    async def fetchval(self, query: str, *args: object) -> Any:
        """The first value of the first row."""
        async with self.acquire() as connection:
            return await connection.fetchval(query, *args)


Pooled = asyncpg.Pool | Scoped
"""Where connections are to be had."""
