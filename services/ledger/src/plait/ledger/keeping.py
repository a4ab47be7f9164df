"""What the ledger does beside its records: sums are settled, and usage that came before its exchange is placed."""

from __future__ import annotations

import asyncio
import heapq
import time
from collections.abc import Callable, Sequence
from typing import Final
from uuid import UUID

from plait.common.errors import DependencyDown
from plait.common.postgres import Database
from plait.ledger import statements

_EVERY_S: Final = 1.0
_AGAIN_S: Final = 5.0
_ALL_S: Final = 600.0
_LOOKS_S: Final = (1.0, 3.0, 10.0, 30.0, 90.0)
"""When usage without an exchange is looked at again. The linker places it when it stores the exchange; only when both
are stored in the same moment does neither see the other, and within these times both are committed."""
_MOST_WAITING: Final = 5000
"""Batches that are looked at again; of more, as a replay brings them, the linker finds nearly all."""


class Keeper:
    """Keeps the ledger's tables in order, until cancelled."""

    def __init__(self, database: Database, clock: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._clock = clock
        self._waiting: list[tuple[float, int, Sequence[UUID]]] = []
        self._all_due = 0.0

    def look_again(self, unplaced: Sequence[UUID]) -> None:
        """The linker had not stored these exchanges when their usage was."""
        if unplaced and len(self._waiting) < _MOST_WAITING:
            self._wait_for(unplaced, 0)

    async def run(self) -> None:
        """Tend the tables every second."""
        while True:
            try:
                await self.tend()
            except DependencyDown:
                await asyncio.sleep(_AGAIN_S)
            else:
                await asyncio.sleep(_EVERY_S)

    async def tend(self) -> None:
        """Settle sums, and place what can be placed now.

        Raises:
            DependencyDown: the database is away.
        """
        now = self._clock()
        async with self._database.transaction() as connection:
            await connection.execute(statements.PLACE_MOVED)
            await connection.execute(statements.TIDY_MOVED)
            if now >= self._all_due:
                await connection.execute(statements.PLACE_ALL)
            if due := self._due(now):
                await connection.execute(statements.PLACE_THESE, due)
        if now >= self._all_due:
            self._all_due = now + _ALL_S
        async with self._database.transaction() as connection:
            await connection.execute(statements.SETTLE)

    def _due(self, now: float) -> list[UUID]:
        found: list[UUID] = []
        while self._waiting and self._waiting[0][0] <= now:
            _, looks, numbers = heapq.heappop(self._waiting)
            found += numbers
            if looks + 1 < len(_LOOKS_S):
                self._wait_for(numbers, looks + 1)
        return found

    def _wait_for(self, numbers: Sequence[UUID], looks: int) -> None:
        heapq.heappush(self._waiting, (self._clock() + _LOOKS_S[looks], looks, numbers))
