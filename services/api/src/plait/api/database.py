"""The API's connections, opened when first needed: the API starts, and says what is wrong, without a database.

Each pool has a role of Postgres (roles.sql) whoever DATABASE_URL logs in: one reads everything, one reads what the
domains of a key allow, one writes down what others are asked to do. None of them can change what was recorded.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from contextlib import suppress
from typing import Annotated, Final

import asyncpg
from fastapi import Depends, Request

from plait.common.access.grants import Grant
from plait.common.postgres import Role, open_pool
from plait.common.queries.scope import Pooled, Scoped

_FAREWELL: Final = 2.0
"""Seconds that connections have to end in good order."""
_ASKERS: Final = 2
"""Administrators are few."""


class _Opened:
    """One pool. An open pool mends itself: it opens new connections in place of lost ones."""

    def __init__(self, url: str, role: Role, size: int, timeout_ms: int) -> None:
        self._url, self._role, self._size, self._timeout_ms = url, role, size, timeout_ms
        self._pool: asyncpg.Pool | None = None
        self._opening: asyncio.Task[asyncpg.Pool] | None = None

    async def pool(self) -> asyncpg.Pool:
        """The open pool. All who wait for it wait for one attempt to open it."""
        if self._pool is None:
            self._opening = self._opening or asyncio.create_task(self._open())
            return await asyncio.shield(self._opening)
        return self._pool

    async def close(self) -> None:
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
                self._url,
                name="api",
                size=self._size,
                read_only=self._role != "plait_asker",
                role=self._role,
                statement_timeout_ms=self._timeout_ms,
            )
            return self._pool
        finally:
            self._opening = None


class Database:
    """Where Postgres is, and the pools once it has answered."""

    def __init__(self, url: str, *, size: int = 8, statement_timeout_ms: int = 10_000) -> None:
        self._whole = _Opened(url, "plait_reader", size, statement_timeout_ms)
        self._limited = _Opened(url, "plait_limited", size, statement_timeout_ms)
        self._asking = _Opened(url, "plait_asker", _ASKERS, statement_timeout_ms)

    async def pool(self) -> asyncpg.Pool:
        """What reads everything.

        Raises:
            DependencyDown: Postgres does not answer.
        """
        return await self._whole.pool()

    async def limited(self, domains: Collection[str]) -> Scoped:
        """What reads these domains alone.

        Raises:
            DependencyDown: Postgres does not answer.
        """
        return Scoped(await self._limited.pool(), domains)

    async def asking(self) -> asyncpg.Pool:
        """What writes down administrators' actions and asks for deletions.

        Raises:
            DependencyDown: Postgres does not answer.
        """
        return await self._asking.pool()

    async def close(self) -> None:
        """Let go of all connections; statements that still run are cut after a moment."""
        await asyncio.gather(self._whole.close(), self._limited.close(), self._asking.close())


class Shown:
    """What the key of a call shows of the database."""

    def __init__(self, database: Database, grant: Grant) -> None:
        self._database = database
        self._domains = grant.domains

    async def pool(self) -> Pooled:
        """What queries run on.

        Raises:
            DependencyDown: Postgres does not answer.
        """
        return await (self._database.pool() if self._domains is None else self._database.limited(self._domains))


async def _shown(request: Request) -> Shown:
    return Shown(request.app.state.database, request.state.grant)


Source = Annotated[Shown, Depends(_shown)]
"""What a route declares to read the database. It asks for the pool itself, once its parameters were found good."""


async def _store(request: Request) -> Database:
    database: Database = request.app.state.database
    return database


Store = Annotated[Database, Depends(_store)]
"""What a route declares that has something changed. What it may be, its `Source` tells."""
