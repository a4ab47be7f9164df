"""Where exchanges wait to be indexed."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

import asyncpg

from plait.linker.indexing import statements


async def queue(connection: asyncpg.pool.PoolConnectionProxy | asyncpg.Connection, exchanges: Iterable[UUID]) -> None:
    """Have exchanges indexed, or looked at again, once this transaction is committed."""
    await connection.execute(statements.QUEUE, list(exchanges))
