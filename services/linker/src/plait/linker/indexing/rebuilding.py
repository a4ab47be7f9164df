"""The whole index anew."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Final

from plait.common.postgres import Database
from plait.linker.indexing import statements
from plait.linker.indexing.task import index_some

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
        first: int = await connection.fetchval(statements.NEWEST_WAITING)
        await connection.execute(statements.QUEUE_ALL, since)
        last: int = await connection.fetchval(statements.NEWEST_WAITING)
    while (oldest := await _oldest(database, last)) is not None:
        advance(max(oldest - first - 1, 0), last - first)
        if not await index_some(database):
            await asyncio.sleep(_LOOK_S)
    return last - first


async def _oldest(database: Database, last: int) -> int | None:
    """The first entry of the queue, up to the last that is ours."""
    async with database.transaction() as connection:
        found: int | None = await connection.fetchval(statements.OLDEST_WAITING, last)
        return found
