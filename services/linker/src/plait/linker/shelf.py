"""Answers to what the rules ask, fetched for a whole batch at a time."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

import asyncpg

from plait.linker import statements
from plait.linker.columns import columns
from plait.linker.domain.facts import Facts
from plait.linker.domain.keys import ALL_SCOPES, Place, in_all_scopes, is_wide, place_of
from plait.linker.domain.lookup import Ask, NotLoaded, Stamp
from plait.linker.domain.offers import offers
from plait.linker.knowledge import Change, facts_of

_EARLIEST: Final = (datetime.min.replace(tzinfo=UTC), UUID(int=0))
_LATEST: Final = (datetime.max.replace(tzinfo=UTC), UUID(int=2**128 - 1))
_OTHERS: Final = ("link_offers", "key")
_KEPT: Final = {
    Place.OTHERS: (_OTHERS,),
    Place.ASKED: (("facts", "asked"),),
    Place.BEGUN: (("facts", "begun"),),
    Place.LINE: (("facts", "line"),),
    Place.ANSWERED: (("answer_facts", "answered"),),
    Place.MESSAGE: (("answer_facts", "message"),),
    Place.TOOL: (("answer_facts", "tool"), _OTHERS),
    Place.SAID: (("answer_facts", "said"),),
}
"""Table and column of each place; an answer has one column for any number of tool calls."""
_PARAMETERS: Final = 7
"""Arrays that each part of a look-up takes."""


class Shelf:
    """A `Lookup` of what has been fetched and of a batch's own facts, which are not written yet.

    Good for one transaction that holds the locks of its domains.
    """

    def __init__(self, connection: asyncpg.pool.PoolConnectionProxy, changes: Iterable[Change]) -> None:
        self._connection = connection
        self._facts: dict[UUID, Facts] = {}
        self._news: defaultdict[int, list[Stamp]] = defaultdict(list)
        self._stale: list[UUID] = []
        self._found: dict[Ask, list[UUID]] = {}
        for change in changes:
            self._facts[change.after.id] = change.after
            for key in in_all_scopes(offers(change.after)):
                insort(self._news[key], change.after.stamp)
            if change.before:
                self._stale.append(change.after.id)

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
        """Fetch the answers to all of these in one look-up, then their facts in another."""
        wanted = list(dict.fromkeys(asks))
        stamps = [self._offered_now(ask) for ask in wanted]
        for row in await self._offered(wanted):
            stamps[row["position"]].append((row["started_at"], row["exchange_id"]))
        for ask, found in zip(wanted, stamps, strict=True):
            ordered = sorted(found, reverse=not ask.oldest_first)[: ask.limit]
            self._found[ask] = [number for _, number in ordered]
        await self.load(number for ask in wanted for number in self._found[ask])

    async def load(self, numbers: Iterable[UUID]) -> None:
        """Fetch the facts of these exchanges, as far as they are not here."""
        missing = set(numbers) - self._facts.keys()
        if missing:
            self._facts |= await facts_of(self._connection, missing)

    def get(self, number: UUID) -> Facts | None:
        """The facts of one exchange, None if they were not loaded or are not known."""
        return self._facts.get(number)

    def slimmed(self, facts: Facts) -> None:
        """From now on an exchange's facts are these: what is kept of them."""
        self._facts[facts.id] = facts

    def _offered_now(self, ask: Ask) -> list[Stamp]:
        """Who of the batch itself offers the key, in the time that is asked about."""
        under = self._news.get(ask.key, [])
        first = bisect_right(under, ask.after) if ask.after else 0
        end = bisect_left(under, ask.before) if ask.before else len(under)
        if ask.oldest_first:
            return under[first : min(end, first + ask.limit)]
        return under[max(first, end - ask.limit) : end]

    async def _offered(self, asks: Sequence[Ask]) -> Sequence[asyncpg.Record]:
        """Rows of `statements.OFFERED`, their positions those of the asks."""
        rows: defaultdict[tuple[str, str, bool, bool], list[tuple[Any, ...]]] = defaultdict(list)
        for position, ask in enumerate(asks):
            for table, column in _KEPT[place_of(ask.key)]:
                rows[table, column, is_wide(ask.key), ask.oldest_first].append((position, *_row(ask)))
        if not rows:
            return []
        parts = [_part(1 + _PARAMETERS * n, *shape) for n, shape in enumerate(sorted(rows))]
        given = [column for shape in sorted(rows) for column in columns(rows[shape])]
        found: Sequence[asyncpg.Record] = await self._connection.fetch(" UNION ALL ".join(parts), self._stale, *given)
        return found


def _part(before: int, table: str, column: str, wide: bool, oldest_first: bool) -> str:
    """A part of a look-up, for the asks that go along one index in one way; `before`: parameters before its own."""
    exactly = f"o.{column} = asked.key"
    within = f"o.{column} BETWEEN (asked.key & ~{ALL_SCOPES}::bigint) AND asked.key"
    return statements.OFFERED.format(
        *(before + n for n in range(1, _PARAMETERS + 1)),
        table=table,
        under=within if wide else exactly,
        order="ASC" if oldest_first else "DESC",
    )


def _row(ask: Ask) -> tuple[Any, ...]:
    return ask.key, *(ask.after or _EARLIEST), *(ask.before or _LATEST), ask.limit
