"""The API's read-only pool, opened when first needed: the API starts, and says what is wrong, without a database."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Annotated, Final

import asyncpg
from fastapi import Depends, Request

from plait.common.postgres import open_pool

_FAREWELL: Final = 2.0
"""Seconds that connections have to end in good order."""


class Database:
    """Where Postgres is, and the pool once it has answered.

    An open pool mends itself: it opens new connections in place of lost ones.
    """

    def __init__(self, url: str, *, size: int = 8, statement_timeout_ms: int = 10_000) -> None:
        self._url, self._size, self._timeout_ms = url, size, statement_timeout_ms
        self._pool: asyncpg.Pool | None = None
        self._opening: asyncio.Task[asyncpg.Pool] | None = None

    async def pool(self) -> asyncpg.Pool:
        """The open pool. All who wait for it wait for one attempt to open it.

        Raises:
            DependencyDown: Postgres does not answer.
        """
        if self._pool is None:
            self._opening = self._opening or asyncio.create_task(self._open())
            return await asyncio.shield(self._opening)
        return self._pool

    async def close(self) -> None:
        """Let go of all connections; statements that still run are cut after a moment."""
        if self._opening is not None:
            self._opening.cancel()
        if self._pool is not None:
            with suppress(TimeoutError):
                async with asyncio.timeout(_FAREWELL):
                    await self._pool.close()
            self._pool = None

    async def _open(self) -> asyncpg.Pool:
        try:
            self._pool = await open_pool(
                self._url, name="api", size=self._size, read_only=True, statement_timeout_ms=self._timeout_ms
            )
            return self._pool
        finally:
            self._opening = None


async def _database_of(request: Request) -> Database:
    database: Database = request.app.state.database
    return database


Source = Annotated[Database, Depends(_database_of)]
"""What a route declares to read the database. It asks for the pool itself, once its parameters were found good."""
