"""The database as the pages see it: they ask in their own threads and wait; one loop in the background reads.

An asyncpg pool belongs to the loop that made it, and Streamlit runs every script in a thread without one.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Collection, Coroutine
from concurrent.futures import TimeoutError as Late
from typing import Any, Concatenate, Final, ParamSpec, TypeVar

import asyncpg

from plait.common.errors import DependencyDown
from plait.common.postgres import DOWN, Role, open_pool
from plait.common.queries.paging import Reader, Writer
from plait.common.queries.scope import Scoped
from plait.dashboard.visitor import visitor

P = ParamSpec("P")
T = TypeVar("T")

_PATIENCE: Final = 30.0
"""Seconds that a page waits for an answer."""
_ASKERS: Final = 2
"""Connections for changes: they are few."""


class Database:
    """Pools on a loop in a thread of its own, one for each role of Postgres that is needed (ADR 0015).

    They open when first asked for, so the database may be away when we start.
    """

    def __init__(self, url: str, *, size: int = 4, statement_timeout_ms: int = 20_000) -> None:
        self._url = url
        self._timeout_ms = statement_timeout_ms
        self._size = size
        self._pools: dict[Role, asyncpg.Pool] = {}
        self._opening = asyncio.Lock()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="plait-database", daemon=True)
        self._thread.start()

    def read(
        self,
        domains: Collection[str] | None,
        query: Callable[Concatenate[Reader, P], Awaitable[T]],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """What `query` gives of these domains; None: of all. Called from any thread but the loop's own.

        Raises:
            DependencyDown: the database does not answer.
        """

        async def run() -> T:
            if domains is None:
                return await query(await self._open("plait_reader"), *args, **kwargs)
            return await query(Scoped(await self._open("plait_limited"), domains), *args, **kwargs)

        return self._wait(run())

    def write(self, action: Callable[Concatenate[Writer, P], Awaitable[T]], *args: P.args, **kwargs: P.kwargs) -> T:
        """What `action` gives, run in the role that asks others for changes. It is not run twice.

        Raises:
            DependencyDown: the database does not answer.
        """

        async def run() -> T:
            return await action(await self._open("plait_asker"), *args, **kwargs)

        return self._wait(run())

    def close(self) -> None:
        """Close the pool and end the thread."""
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(_PATIENCE)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _wait(self, work: Coroutine[Any, Any, T]) -> T:
        future = asyncio.run_coroutine_threadsafe(_told(work), self._loop)
        try:
            return future.result(_PATIENCE)
        except Late as error:
            future.cancel()
            raise DependencyDown(f"Postgres has not answered for {_PATIENCE:.0f} s.") from error

    async def _open(self, role: Role) -> asyncpg.Pool:
        async with self._opening:
            if role not in self._pools:
                self._pools[role] = await open_pool(
                    self._url,
                    name="dashboard",
                    size=_ASKERS if role == "plait_asker" else self._size,
                    read_only=role != "plait_asker",
                    role=role,
                    statement_timeout_ms=self._timeout_ms,
                )
            return self._pools[role]

    async def _close(self) -> None:
        for pool in self._pools.values():
            pool.terminate()


async def _told(work: Coroutine[Any, Any, T]) -> T:
    try:
        return await work
    except DOWN as error:
        raise DependencyDown(f"Postgres does not answer: {type(error).__name__}") from error


_database: Database | None = None


def attach(database: Database | None) -> None:
    """The database that the pages of this process read; None when it ends."""
    global _database
    _database = database


def read(query: Callable[Concatenate[Reader, P], Awaitable[T]], *args: P.args, **kwargs: P.kwargs) -> T:
    """What `query` gives on the attached database of the domains that the visitor may see.

    Raises:
        DependencyDown: the database does not answer, or none is attached.
        LoggedOut: the visitor's session has ended.
    """
    return _attached().read(visitor().domains, query, *args, **kwargs)


def write(action: Callable[Concatenate[Writer, P], Awaitable[T]], *args: P.args, **kwargs: P.kwargs) -> T:
    """What `action` gives on the attached database, in a role that asks for changes and sees no domain's limits.

    Only `plait.dashboard.acting` calls this: there it is looked whether the visitor may.

    Raises:
        DependencyDown: the database does not answer, or none is attached.
    """
    return _attached().write(action, *args, **kwargs)


def _attached() -> Database:
    if _database is None:
        raise DependencyDown("No database is attached.")
    return _database
