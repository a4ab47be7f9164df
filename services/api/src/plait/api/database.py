"""The API's read-only pool, opened when first needed: the API starts, and says what is wrong, without a database."""

from __future__ import annotations

import asyncio
from typing import Annotated

import asyncpg
from fastapi import Depends, Request

from plait.common.postgres import open_pool


class Database:
    """Where Postgres is, and the pool once it has answered.

    An open pool mends itself: it opens new connections in place of lost ones.
    """

    def __init__(self, url: str, *, size: int = 8, statement_timeout_ms: int = 10_000) -> None:
        self._url, self._size, self._timeout_ms = url, size, statement_timeout_ms
        self._pool: asyncpg.Pool | None = None
        self._opening = asyncio.Lock()

    async def pool(self) -> asyncpg.Pool:
        """The open pool.

        Raises:
            DependencyDown: Postgres does not answer.
        """
        async with self._opening:
            if self._pool is None:
                self._pool = await open_pool(
                    self._url, name="api", size=self._size, read_only=True, statement_timeout_ms=self._timeout_ms
                )
        return self._pool

    async def close(self) -> None:
        """Let go of all connections; running statements are cut."""
        if self._pool is not None:
            self._pool.terminate()
            self._pool = None


async def _database_of(request: Request) -> Database:
    database: Database = request.app.state.database
    return database


Source = Annotated[Database, Depends(_database_of)]
"""What a route declares to read the database. It asks for the pool itself, once its parameters were found good."""
