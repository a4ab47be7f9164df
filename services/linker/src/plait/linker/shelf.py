"""Answers to what the rules ask, fetched for a whole batch at a time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

import asyncpg

from plait.linker import statements
from plait.linker.columns import columns
from plait.linker.domain.facts import Facts
from plait.linker.domain.lookup import Ask, NotLoaded
from plait.linker.knowledge import facts_of

_EARLIEST: Final = (datetime.min.replace(tzinfo=UTC), UUID(int=0))
_LATEST: Final = (datetime.max.replace(tzinfo=UTC), UUID(int=2**128 - 1))


class Shelf:
    """A `Lookup` of what has been fetched; good for one transaction that holds the locks of its domains."""

    def __init__(self, connection: asyncpg.pool.PoolConnectionProxy, news: Iterable[Facts]) -> None:
        """`news` are facts whose offers are written, but not they themselves yet."""
        self._connection = connection
        self._facts = {facts.id: facts for facts in news}
        self._found: dict[Ask, list[UUID]] = {}

    def find(self, ask: Ask) -> Sequence[Facts]:
        """See `Lookup.find`."""
        found = self._found.get(ask)
        if found is None:
            raise NotLoaded([ask])
        return [self._facts[number] for number in found]

    def need(self, asks: Iterable[Ask]) -> None:
        """See `Lookup.need`."""
        if missing := [ask for ask in asks if ask not in self._found]:
            raise NotLoaded(missing)

    async def fetch(self, asks: Iterable[Ask]) -> None:
        """Fetch the answers to all of these, in one look-up for each direction of time, then their facts in one."""
        wanted = dict.fromkeys(asks)
        for oldest_first, statement in ((False, statements.NEWEST_OFFERS), (True, statements.OLDEST_OFFERS)):
            await self._fetch(statement, [ask for ask in wanted if ask.oldest_first is oldest_first])
        await self.load(number for ask in wanted for number in self._found[ask])

    async def load(self, numbers: Iterable[UUID]) -> None:
        """Fetch the facts of these exchanges, as far as they are not here."""
        missing = set(numbers) - self._facts.keys()
        if missing:
            self._facts |= await facts_of(self._connection, missing)

    def get(self, number: UUID) -> Facts | None:
        """The facts of one exchange, None if they were not loaded or are not known."""
        return self._facts.get(number)

    async def _fetch(self, statement: str, asks: Sequence[Ask]) -> None:
        if not asks:
            return
        self._found |= {ask: [] for ask in asks}
        for row in await self._connection.fetch(statement, *columns([_row(ask) for ask in asks])):
            self._found[asks[row["position"] - 1]].append(row["exchange_id"])


def _row(ask: Ask) -> tuple[Any, ...]:
    return ask.key, *(ask.after or _EARLIEST), *(ask.before or _LATEST), ask.limit
