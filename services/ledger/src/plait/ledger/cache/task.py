"""The cache doctor beside the ledger: makes the findings of what is queued."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from typing import Final
from uuid import UUID

import structlog

from plait.common.errors import DependencyDown
from plait.common.postgres import Database
from plait.common.pricing.book import PriceBook
from plait.ledger.cache import statements
from plait.ledger.cache.examining import examine

AT_ONCE: Final = 500
"""Entries of the queue in one transaction."""
_LOOK_S: Final = 0.5
"""How often the queue is looked at when nobody wakes us: the linker fills it too."""
_AGAIN_S: Final = 1.0
_GAP_S: Final = 0.1
"""A ledger that has committed nothing for so long has caught up."""
_BREAK: Final = 3
"""While it has not, a break as many times as long as the work before: we share its processor, and it goes first."""

_log = structlog.get_logger()


class Doctor:
    """Takes exchanges out of the queue and looks at what they read from the cache."""

    def __init__(self, database: Database, book: PriceBook) -> None:
        self._database = database
        self._book = book
        self._filled = asyncio.Event()
        self._committed = 0.0

    def wake(self) -> None:
        """The ledger has committed something, and so queued it."""
        self._committed = time.monotonic()
        self._filled.set()

    async def run(self) -> None:
        """Make findings until cancelled."""
        while True:
            self._filled.clear()
            try:
                while await self._work():
                    pass
            except DependencyDown as error:
                _log.warning("the cache doctor waits", error=type(error).__name__)
                await asyncio.sleep(_AGAIN_S)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._filled.wait(), _LOOK_S)

    async def _work(self) -> int:
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
