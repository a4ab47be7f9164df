"""Deletes contents that no exchange uses any more.

A linker asks which contents are there, and writes the others: between the two nothing that it found may go. So
linkers share a lock on all contents for as long as a batch takes, and the sweep has it alone, for a short transaction
at a time.
"""

from __future__ import annotations

from typing import Final

import asyncpg

from plait.common.postgres import Database
from plait.linker.forget import statements

_AT_ONCE: Final = 200


async def sweep(database: Database) -> None:
    """Look at everything forsaken, chains first: their ends forsake what they stood on. Others may sweep beside us."""
    while await _some(database, statements.TAKE_LINKS, statements.DELETE_LINKS):
        pass
    while await _some(database, statements.TAKE_BLOBS, statements.DELETE_BLOBS):
        pass


async def _some(database: Database, take: str, delete: str) -> int:
    """Look at some; how many there were."""
    async with database.transaction() as connection:
        await connection.execute(statements.LOCK_CONTENTS)
        hashes = [row["hash"] for row in await connection.fetch(take, _AT_ONCE)]
        await _delete(connection, delete, hashes)
        return len(hashes)


async def _delete(connection: asyncpg.pool.PoolConnectionProxy, statement: str, hashes: list[bytes]) -> None:
    if hashes:
        await connection.execute(statement, hashes)
