"""Who must be decided again when facts change: the steps of linking, the same for the store and in memory.

1. Facts come or change: put them down with their `offers`.
2. Place those exchanges, and everybody who watches a key they offered or offer (`stirred`).
3. Put down the placements: the link, the watched keys, and the facts as they may be kept from now on (`slim`).
4. Name again the trees touched: those the placed exchanges were in, and those they now point into.

`Loom` does this in memory. Fed one fact at a time in any order it ends with what placing all of them at once gives.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from typing import Final
from uuid import UUID

import msgspec

from plait.linker.domain.facts import Facts, Turn
from plait.linker.domain.keys import in_all_scopes
from plait.linker.domain.link import Link, Placement, Rule
from plait.linker.domain.lookup import Book
from plait.linker.domain.names import Member, Names, member, name_trees
from plait.linker.domain.offers import offers
from plait.linker.domain.parent import place


def stirred(before: Facts | None, after: Facts) -> set[int]:
    """The keys a change touches: whoever watches one up to the exchange's start or longer is to be placed again."""
    if before == after:
        return set()
    return in_all_scopes(offers(after) | offers(before) if before else offers(after))


_ALL_BEHIND: Final[frozenset[Rule]] = frozenset({"thread", "compaction", "match", "retry"})
"""Rules that, once settled, leave no later one to be asked."""


def slim(facts: Facts, placement: Placement) -> Facts:
    """The facts as they are kept: what only a search further back would read is left out once none can come."""
    if not placement.settled:
        return facts
    last = facts.turns[-1:]
    if placement.link.rule in _ALL_BEHIND:
        last = tuple(Turn(one.before, one.upto, one.text) for one in last)
    return msgspec.structs.replace(
        facts,
        turns=last,
        summary="",
        since_summary=min(facts.since_summary, 1),
        title="" if placement.titled else facts.title,
    )


class Loom:
    """Exchanges woven in memory: facts, placements and who watches what."""

    def __init__(self) -> None:
        self.book = Book()
        self.placements: dict[UUID, Placement] = {}
        self.placed = 0
        """How many placements were decided, repeats too."""
        self._watchers: defaultdict[int, set[UUID]] = defaultdict(set)

    def feed(self, changes: Iterable[Facts]) -> set[UUID]:
        """Insert or replace facts; returns the exchanges whose placement was decided again."""
        todo: set[UUID] = set()
        for facts in changes:
            known = self.book.facts.get(facts.id)
            if facts != known:
                todo |= {facts.id} | self._watching(self.book.put(facts), facts.started_at)
        for one in sorted(todo, key=lambda one: self.book.facts[one].stamp):
            self._settle(one)
        return todo

    def links(self) -> dict[UUID, Link]:
        """All links."""
        return {one: placement.link for one, placement in self.placements.items()}

    def members(self) -> list[Member]:
        """All exchanges as naming sees them."""
        return [member(self.book.facts[one], placement.link) for one, placement in self.placements.items()]

    def names(self) -> dict[UUID, Names]:
        """The names of everything."""
        return name_trees(self.members())

    def _watching(self, keys: set[int], since: datetime) -> set[UUID]:
        watchers = ((key, one) for key in keys for one in self._watchers.get(key, ()))
        return {one for key, one in watchers if self.placements[one].watches[key] >= since}

    def _settle(self, one: UUID) -> None:
        facts = self.book.facts[one]
        placement = place(facts, self.book)
        self.placed += 1
        if before := self.placements.get(one):
            for key in before.watches:
                self._watchers[key].discard(one)
        for key in placement.watches:
            self._watchers[key].add(one)
        self.placements[one] = placement
        self.book.put(slim(facts, placement))
