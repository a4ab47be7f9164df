"""Connections to Postgres: one way to open a pool, one way to tell that the database is away."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final, Literal

import asyncpg

from plait.common.errors import DependencyDown

DOWN: Final = (
    OSError,  # TimeoutError is one
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # a connection that was cut while it was being rolled back
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.InsufficientResourcesError,  # disk or memory full, too many connections
    asyncpg.PostgresSystemError,
    asyncpg.ReadOnlySQLTransactionError,  # a standby, after a failover
    asyncpg.TransactionRollbackError,  # deadlock, serialization: the other one goes first
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.UndefinedTableError,  # not migrated yet
    asyncpg.QueryCanceledError,  # over the statement timeout: most often a wait for another's lock
    asyncpg.LockNotAvailableError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.DatabaseDroppedError,
)
"""What asyncpg raises when the database is away or cannot work now; nothing is wrong with the rows in hand."""
Role = Literal["plait_reader", "plait_limited", "plait_asker"]
_ROLES: Final[dict[Role | None, dict[str, str]]] = {
    None: {},
    "plait_reader": {"role": "plait_reader"},
    "plait_limited": {"role": "plait_limited", "search_path": "limited, public"},
    "plait_asker": {"role": "plait_asker"},
}
"""What a connection in a role sets when it begins. Views of the schema `limited` stand before the tables of their
names, which this role may not read."""
_LATER_S: Final = 5
"""How much longer than its statement timeout a statement is waited for: Postgres, if it is there, ends it first."""


class NoRole(DependencyDown):
    """A role of ours is missing, or is not granted to who logs in: `plait migrate` makes them (docs/keys.md)."""


async def _prepare(connection: asyncpg.Connection) -> None:
    await connection.set_type_codec("jsonb", encoder=json.dumps, decoder=json.loads, schema="pg_catalog")


async def _as_it_is(_: asyncpg.Connection) -> None:
    """A connection goes back unchanged: all we set is for a transaction, and the default reset costs a round trip."""


async def open_pool(
    url: str,
    *,
    name: str,
    size: int = 4,
    read_only: bool = False,
    role: Role | None = None,
    by_key: bool = False,
    statement_timeout_ms: int = 60_000,
) -> asyncpg.Pool:
    """A pool of at most `size` connections that Postgres lists as `name`.

    `jit` is off: our statements are short. A read-only pool cannot write, whatever its role may do. With a role it has
    that role's rights alone (roles.sql), whatever the user of `url` may do. `by_key` is for who asks by keys alone: no
    table is read from end to end where an index finds the rows, whatever the planner believes of their number.

    Raises:
        DependencyDown: nobody answers at `url`.
        NoRole: whoever `url` logs in cannot take on the role.
    """
    settings = {
        "application_name": f"plait-{name}",
        "jit": "off",
        "statement_timeout": str(statement_timeout_ms),
        "default_transaction_read_only": "on" if read_only else "off",
        "enable_seqscan": "off" if by_key else "on",
        **_ROLES[role],
    }
    try:
        return await asyncpg.create_pool(
            url,
            min_size=1,
            max_size=size,
            init=_prepare,
            reset=_as_it_is,
            server_settings=settings,
            timeout=5,
            command_timeout=statement_timeout_ms / 1000 + _LATER_S,
        )
    except (asyncpg.InvalidParameterValueError, asyncpg.InsufficientPrivilegeError) as error:
        raise NoRole(f"Postgres does not let us be {role}: {error}") from error
    except DOWN as error:
        raise DependencyDown(f"Postgres does not answer: {type(error).__name__}: {error}") from error


class Database:
    """A pool that is opened when it is first needed, so the database may be away when a part starts."""

    def __init__(self, url: str, *, name: str, size: int = 4, by_key: bool = False) -> None:
        self._url = url
        self._name = name
        self._size = size
        self._by_key = by_key
        self._pool: asyncpg.Pool | None = None
        self._opening = asyncio.Lock()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[asyncpg.pool.PoolConnectionProxy]:
        """A connection within one transaction, committed at the end of the block.

        Raises:
            DependencyDown: the database is away, or went away: nothing is written, or (rarely) all of it is.
        """
        try:
            async with (await self._opened()).acquire() as connection, connection.transaction():
                yield connection
        except DOWN as error:
            task = asyncio.current_task()
            if task and task.cancelling():
                raise asyncio.CancelledError from error  # what broke is the rollback on its way out
            raise DependencyDown(f"Postgres: {type(error).__name__}") from error

    async def _opened(self) -> asyncpg.Pool:
        async with self._opening:
            if self._pool is None:
                self._pool = await open_pool(self._url, name=self._name, size=self._size, by_key=self._by_key)
            return self._pool

    async def close(self) -> None:
        """Close all connections at once."""
        if self._pool is not None:
            self._pool.terminate()
            self._pool = None
