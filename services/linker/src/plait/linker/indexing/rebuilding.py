"""The whole index anew."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Final

from plait.common.postgres import Database
from plait.linker.indexing import statements
from plait.linker.indexing.task import index_some

_AT_ONCE: Final = 1000
"""Exchanges of a batch: larger ones cost the index less."""
_LOOK_S: Final = 0.2
"""How soon to look again while a linker is at the queue."""


async def rebuild(
    database: Database,
    since: datetime,
    *,
    emptied: bool,
    advance: Callable[[int, int], None] = lambda _done, _total: None,
) -> int:
    """Index all exchanges that began since then; how many those are. Linkers may help.

    `emptied`: throw the index away before. Broken off, linkers end it.

    Raises:
        DependencyDown: the database went away.
    """
    async with database.transaction() as connection:
        if emptied:
            await connection.execute(statements.FORGET_INDEX)
    async with database.transaction() as connection:
        status = await connection.execute(statements.QUEUE_ALL, since)
        last: int = await connection.fetchval(statements.NEWEST_WAITING)
    total = int(status.rpartition(" ")[2])
    while (oldest := await _oldest(database, last)) is not None:
        advance(max(total - (last - oldest + 1), 0), total)
        if not await index_some(database, _AT_ONCE):
            await asyncio.sleep(_LOOK_S)
    return total


async def _oldest(database: Database, last: int) -> int | None:
    """The first entry of the queue, up to the last that is ours."""
    async with database.transaction() as connection:
        found: int | None = await connection.fetchval(statements.OLDEST_WAITING, last)
        return found
