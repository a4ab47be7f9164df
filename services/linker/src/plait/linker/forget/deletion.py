"""A deletion from its audit row to its last blob. Broken off, it is ended by asking for it again."""

from __future__ import annotations

from collections.abc import Callable

from plait.common.postgres import Database
from plait.linker.forget import statements
from plait.linker.forget.forgetting import forget
from plait.linker.forget.selection import Selection, runs
from plait.linker.forget.sweeping import sweep


async def delete(
    database: Database, selection: Selection, asked_by: str, advance: Callable[[int], None] = lambda _: None
) -> int:
    """Delete what is selected and all that was kept of it alone; how many exchanges that were.

    `advance` is called with how many are deleted so far.

    Raises:
        DependencyDown: the database went away; what is deleted so far is told in the audit row.
    """
    async with database.transaction() as connection:
        number = await connection.fetchval(statements.BEGIN_DELETION, asked_by, selection.told())
    total = 0
    async for exchanges in runs(database, selection):
        async with database.transaction() as connection:
            deleted = await forget(connection, exchanges)
            await connection.execute(statements.COUNT_DELETED, number, deleted)
        total += deleted
        advance(total)
    await sweep(database)
    async with database.transaction() as connection:
        await connection.execute(statements.END_DELETION, number)
    return total
