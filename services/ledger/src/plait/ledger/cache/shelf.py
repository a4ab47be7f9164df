"""Turns by id, fetched for a whole batch at a time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final
from uuid import UUID

import asyncpg

from plait.ledger.cache import statements
from plait.ledger.cache.turn import Turn, turn_of

Connection = asyncpg.pool.PoolConnectionProxy
FARTHEST: Final = 8
"""Exchanges up the tree that are looked at for one whose cache could be read."""


class Shelf:
    """The turns of one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._turns: dict[UUID, Turn | None] = {}

    def get(self, number: UUID) -> Turn | None:
        """A turn that was fetched; None if there is no such."""
        return self._turns.get(number)

    def used(self, numbers: Iterable[UUID]) -> list[Turn]:
        """Those of them that used a prompt."""
        return [turn for number in numbers if (turn := self.get(number)) and turn.figures]

    async def fetch(self, numbers: Iterable[UUID]) -> None:
        """Fetch those that are not here."""
        missing = sorted(set(numbers) - self._turns.keys())
        if not missing:
            return
        self._turns.update(dict.fromkeys(missing))
        for row in await self._connection.fetch(statements.TURNS, missing):
            turn = turn_of(dict(row))
            self._turns[turn.id] = turn

    async def fetch_lines(self, turns: Sequence[Turn]) -> dict[UUID, Turn]:
        """Of each, the nearest turn above that used a prompt, by the id of the one below."""
        found: dict[UUID, Turn] = {}
        ahead = {turn.id: turn for turn in turns}
        for _ in range(FARTHEST):
            await self.fetch(number for turn in ahead.values() for number in turn.before)
            steps = {number: _step(self, turn) for number, turn in ahead.items()}
            found |= {number: step for number, step in steps.items() if step and step.figures}
            ahead = {number: step for number, step in steps.items() if step and not step.figures}
            if not ahead:
                break
        return found


def _step(shelf: Shelf, turn: Turn) -> Turn | None:
    """The next above: one that used a prompt, if there is any."""
    above = [found for number in turn.before if (found := shelf.get(number)) and found.id != turn.id]
    return next((one for one in above if one.figures), above[-1] if above else None)
