"""Connections to Postgres: one way to open a pool, one way to tell that the database is away."""

from __future__ import annotations

import asyncio
import json
from typing import Final

import asyncpg

from plait.common.errors import DependencyDown

DOWN: Final = (
    OSError,
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.TooManyConnectionsError,
    asyncpg.InterfaceError,
    asyncio.TimeoutError,
)
"""What asyncpg raises when the database is away, not when the statement is wrong."""


async def _prepare(connection: asyncpg.Connection) -> None:
    await connection.set_type_codec("jsonb", encoder=json.dumps, decoder=json.loads, schema="pg_catalog")


async def open_pool(
    url: str, *, name: str, size: int = 4, read_only: bool = False, statement_timeout_ms: int = 60_000
) -> asyncpg.Pool:
    """A pool of at most `size` connections that Postgres lists as `name`.

    `jit` is off: our statements are short. A read-only pool cannot write, whatever its role may do.

    Raises:
        DependencyDown: nobody answers at `url`.
    """
    settings = {
        "application_name": f"plait-{name}",
        "jit": "off",
        "statement_timeout": str(statement_timeout_ms),
        "default_transaction_read_only": "on" if read_only else "off",
    }
    try:
        return await asyncpg.create_pool(
            url, min_size=1, max_size=size, init=_prepare, server_settings=settings, timeout=5, command_timeout=60
        )
    except DOWN as error:
        raise DependencyDown(f"Postgres does not answer: {type(error).__name__}: {error}") from error
