"""The database as the pages see it: they ask in their own threads and wait; one loop in the background reads.

An asyncpg pool belongs to the loop that made it, and Streamlit runs every script in a thread without one.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import TimeoutError as Late
from typing import Concatenate, Final, ParamSpec, TypeVar

import asyncpg

from plait.common.errors import DependencyDown
from plait.common.postgres import DOWN, open_pool
from plait.common.queries.paging import Reader

P = ParamSpec("P")
T = TypeVar("T")

_PATIENCE: Final = 30.0
"""Seconds that a page waits for an answer."""


class Database:
    """A read-only pool on a loop in a thread of its own. Opens when first asked, so it may be away when we start."""

    def __init__(self, url: str, *, size: int = 4, statement_timeout_ms: int = 20_000) -> None:
        self._url = url
        self._timeout_ms = statement_timeout_ms
        self._size = size
        self._pool: asyncpg.Pool | None = None
        self._opening = asyncio.Lock()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="plait-database", daemon=True)
        self._thread.start()

    def read(self, query: Callable[Concatenate[Reader, P], Awaitable[T]], *args: P.args, **kwargs: P.kwargs) -> T:
        """What `query` gives. Called from any thread but the loop's own.

        Raises:
            DependencyDown: the database does not answer.
        """
        future = asyncio.run_coroutine_threadsafe(self._run(query, *args, **kwargs), self._loop)
        try:
            return future.result(_PATIENCE)
        except Late as error:
            future.cancel()
            raise DependencyDown(f"Postgres has not answered for {_PATIENCE:.0f} s.") from error

    def close(self) -> None:
        """Close the pool and end the thread."""
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(_PATIENCE)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _run(self, query: Callable[Concatenate[Reader, P], Awaitable[T]], *args: P.args, **kwargs: P.kwargs) -> T:
        pool = await self._open()
        try:
            return await query(pool, *args, **kwargs)
        except DOWN as error:
            raise DependencyDown(f"Postgres does not answer: {type(error).__name__}") from error

    async def _open(self) -> asyncpg.Pool:
        async with self._opening:
            if self._pool is None:
                self._pool = await open_pool(
                    self._url,
                    name="dashboard",
                    size=self._size,
                    read_only=True,
                    role="plait_reader",
                    statement_timeout_ms=self._timeout_ms,
                )
            return self._pool

    async def _close(self) -> None:
        if self._pool is not None:
            self._pool.terminate()


_database: Database | None = None


def attach(database: Database | None) -> None:
    """The database that the pages of this process read; None when it ends."""
    global _database
    _database = database


def read(query: Callable[Concatenate[Reader, P], Awaitable[T]], *args: P.args, **kwargs: P.kwargs) -> T:
    """What `query` gives on the attached database.

    Raises:
        DependencyDown: the database does not answer, or none is attached.
    """
    if _database is None:
        raise DependencyDown("No database is attached.")
    return _database.read(query, *args, **kwargs)
