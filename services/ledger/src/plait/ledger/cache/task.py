"""The cache doctor beside the ledger: makes the findings of what is queued."""

from __future__ import annotations

import asyncio
import time
from typing import Final
from uuid import UUID

from plait.common.postgres import Database
from plait.common.pricing.book import PriceBook
from plait.common.queue_worker import QueueWorker
from plait.ledger.cache import statements
from plait.ledger.cache.examining import examine

AT_ONCE: Final = 500
"""Entries of the queue in one transaction."""
_GAP_S: Final = 0.1
"""A ledger that has committed nothing for so long has caught up."""
_BREAK: Final = 3
"""While it has not, a break as many times as long as the work before: we share its processor, and it goes first."""


class Doctor(QueueWorker):
    """Takes exchanges out of the queue and looks at what they read from the cache."""

    def __init__(self, database: Database, book: PriceBook) -> None:
        super().__init__("cache doctor")
        self._database = database
        self._book = book
        self._committed = 0.0

    def wake(self) -> None:
        """The ledger has committed something, and so queued it."""
        self._committed = time.monotonic()
        super().wake()

    async def work(self) -> int:
        """Make findings; after some, a break while the ledger is busy."""
        began = time.monotonic()
        worked = await examine_some(self._database, self._book)
        if worked and time.monotonic() - self._committed < _GAP_S:
            await asyncio.sleep(_BREAK * (time.monotonic() - began))
        return worked


async def examine_some(database: Database, book: PriceBook, at_once: int = AT_ONCE) -> int:
    """Work on the oldest entries of the queue; how many they were, 0 also while another process is at it.

    Raises:
        DependencyDown: the database went away; the entries are in the queue as before.
    """
    async with database.transaction() as connection:
        if not await connection.fetchval(statements.TRY_TURN):
            return 0
        taken = [UUID(int=row[0].int) for row in await connection.fetch(statements.TAKE, at_once)]
        if taken:
            await examine(connection, taken, book)
        return len(taken)
