"""How rules find other exchanges: by key, in time order, a bounded number of them.

A rule never sees the whole record. It asks for what stands under a key, and everything it asked is remembered
(`Recorder`): when a fact under one of those keys appears or changes, the exchange that asked is placed again (`weave`).
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Final, Protocol
from uuid import UUID

from msgspec import Struct

from plait.common.errors import PlaitError
from plait.linker.domain.facts import Facts
from plait.linker.domain.keys import Place, in_all_scopes, place_of
from plait.linker.domain.offers import offers

Stamp = tuple[datetime, UUID]
"""Start time and exchange id: the order of time (linking.md, "Earlier")."""

PAGE = 100
"""Candidates looked at per key, the newest (linking.md, "Finding the parent")."""
FOREVER = datetime(9999, 12, 31, tzinfo=UTC)
"""Later than everything. Not `datetime.max`: asyncpg writes `infinity` for it and reads that without a time zone."""


class Ask(Struct, frozen=True):
    """A question: which exchanges offer `key`, started after `after` and before `before` (both excluded)?"""

    key: int
    before: Stamp | None = None
    after: Stamp | None = None
    oldest_first: bool = False
    limit: int = PAGE


class NotLoaded(PlaitError):
    """Answers are not at hand yet: fetch those of `asks` and place again."""

    def __init__(self, asks: Sequence[Ask]) -> None:
        super().__init__(f"{len(asks)} look-ups are not loaded")
        self.asks = asks


class Lookup(Protocol):
    """What rules may know of other exchanges."""

    def find(self, ask: Ask) -> Sequence[Facts]:
        """The exchanges that offer the key, newest first unless `oldest_first`, at most `limit`.

        Raises:
            NotLoaded: the answer is not at hand.
        """
        ...

    def need(self, asks: Iterable[Ask]) -> None:
        """Say which questions follow, so that their answers can be fetched together.

        Raises:
            NotLoaded: with all of `asks` whose answers are not at hand.
        """
        ...


class Book:
    """All facts in memory: complete knowledge, for rebuilds and tests."""

    def __init__(self) -> None:
        self.facts: dict[UUID, Facts] = {}
        self._offers: dict[UUID, set[int]] = {}
        self._under: defaultdict[int, list[Stamp]] = defaultdict(list)

    def put(self, facts: Facts) -> set[int]:
        """Insert or replace an exchange's facts; returns the keys under which something changed."""
        if self.facts.get(facts.id) == facts:
            return set()
        had, has = self._offers.get(facts.id, set()), in_all_scopes(offers(facts))
        for key in had - has:
            under = self._under[key]
            del under[bisect_left(under, facts.stamp)]
        for key in has - had:
            insort(self._under[key], facts.stamp)
        self.facts[facts.id], self._offers[facts.id] = facts, has
        return had | has

    def find(self, ask: Ask) -> Sequence[Facts]:
        """See `Lookup.find`; never raises."""
        under = self._under.get(ask.key, [])
        low = bisect_left(under, (ask.after[0], UUID(int=ask.after[1].int + 1))) if ask.after else 0
        high = bisect_left(under, ask.before) if ask.before else len(under)
        found = under[low:high][: ask.limit] if ask.oldest_first else under[max(low, high - ask.limit) : high][::-1]
        return [self.facts[stamp[1]] for stamp in found]

    def need(self, asks: Iterable[Ask]) -> None:
        """Everything is at hand."""


_OF_PARENTS: Final = frozenset({Place.ASKED, Place.ANSWERED, Place.MESSAGE, Place.TOOL, Place.SAID})


class Recorder:
    """Passes questions on and remembers what the answers depend on."""

    def __init__(self, lookup: Lookup) -> None:
        self._lookup = lookup
        self._until: dict[int, datetime] = {}
        self.found: dict[UUID, Facts] = {}
        """Who was found where parents are."""

    def find(self, ask: Ask) -> Sequence[Facts]:
        """See `Lookup.find`."""
        found = self._lookup.find(ask)
        if place_of(ask.key) in _OF_PARENTS:
            self.found |= {one.id: one for one in found}
        until = _until(ask, found)
        self._until[ask.key] = max(until, self._until.get(ask.key, until))
        return found

    def need(self, asks: Iterable[Ask]) -> None:
        """See `Lookup.need`."""
        self._lookup.need(asks)

    def watches(self) -> dict[int, datetime]:
        """What the questions asked so far depend on: key → until when a change under it matters."""
        return dict(self._until)


def _until(ask: Ask, found: Sequence[Facts]) -> datetime:
    """Up to when a change can alter the answer: nothing younger than the end of a full page of the oldest can."""
    if ask.oldest_first and len(found) >= ask.limit:
        return found[-1].started_at
    return ask.before[0] if ask.before else FOREVER
