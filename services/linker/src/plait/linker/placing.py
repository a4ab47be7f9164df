"""Whom exchanges follow, decided again for those whose facts changed and those who asked for what changed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from plait.linker import statements
from plait.linker.columns import columns
from plait.linker.domain.facts import Facts
from plait.linker.domain.keys import Place, place_of
from plait.linker.domain.link import Link, Placement
from plait.linker.domain.lookup import Ask, NotLoaded
from plait.linker.domain.offers import implied, tried_again_under
from plait.linker.domain.parent import foreseen, place
from plait.linker.domain.weave import slim, stirred
from plait.linker.knowledge import Change
from plait.linker.shelf import Shelf


@dataclass(frozen=True)
class Placed:
    """What became of exchanges that were placed again."""

    links: Mapping[UUID, Link]
    before: Mapping[UUID, Facts | None]
    """Their facts as they are kept until now."""
    facts: Sequence[Facts]
    """Their facts as they are to be kept from now on: what a later change may need of them."""


async def place_again(connection: asyncpg.pool.PoolConnectionProxy, shelf: Shelf, changes: Sequence[Change]) -> Placed:
    """Place all exchanges that these changes may move; what they asked is written down for the next change.

    Their facts are not written yet: whoever names them compares with what was (`knowledge.keep`).
    """
    before = {change.after.id: change.before for change in changes}
    return await _place_all(connection, shelf, before.keys() | await askers(connection, changes), before)


async def place_these(connection: asyncpg.pool.PoolConnectionProxy, shelf: Shelf, changes: Sequence[Change]) -> Placed:
    """The same for these exchanges alone."""
    before = {change.after.id: change.before for change in changes}
    return await _place_all(connection, shelf, before.keys(), before)


async def _place_all(
    connection: asyncpg.pool.PoolConnectionProxy,
    shelf: Shelf,
    numbers: Set[UUID],
    before: Mapping[UUID, Facts | None],
) -> Placed:
    """Place exchanges; `before` has the facts of those that changed, None for new ones."""
    await shelf.load(numbers)
    known = {number: facts for number in sorted(numbers) if (facts := shelf.get(number))}
    placements = await _place(shelf, list(known.values()))
    await _keep_asks(connection, known, placements, {number for number, had in before.items() if had is None})
    kept = [slim(known[number], placement) for number, placement in placements.items()]
    for facts in kept:
        shelf.slimmed(facts)
    return Placed({number: one.link for number, one in placements.items()}, {**known, **before}, kept)


async def askers(connection: asyncpg.pool.PoolConnectionProxy, changes: Iterable[Change]) -> set[UUID]:
    """Who was decided by a key that a changed exchange offers, or offered before."""
    changed = list(changes)
    touched = [(key, number) for number, one in enumerate(changed, 1) for key in stirred(one.before, one.after)]
    if not touched:
        return set()
    answered = [row for row in touched if place_of(row[0]) is Place.ANSWERED]
    tried = [(key, number) for number, one in enumerate(changed, 1) for key in tried_again_under(one.after)]
    given = [column for rows in (touched, answered, tried) for column in (columns(rows) if rows else ([], []))]
    given.append([one.after.started_at for one in changed])
    return {row["exchange_id"] for row in await connection.fetch(statements.ASKERS, *given)}


async def _place(shelf: Shelf, waiting: Sequence[Facts]) -> dict[UUID, Placement]:
    """Run the rules; what they lack is fetched for all of them together, until they lack nothing."""
    placements: dict[UUID, Placement] = {}
    await shelf.fetch(ask for facts in waiting for ask in foreseen(facts))
    while waiting:
        lacking: dict[Ask, None] = {}
        again: list[Facts] = []
        for facts in waiting:
            try:
                placements[facts.id] = place(facts, shelf)
            except NotLoaded as lack:
                lacking |= dict.fromkeys(lack.asks)
                again.append(facts)
        if again:
            await shelf.fetch(lacking)
        waiting = again
    return placements


async def _keep_asks(
    connection: asyncpg.pool.PoolConnectionProxy,
    known: Mapping[UUID, Facts],
    placements: Mapping[UUID, Placement],
    new: set[UUID],
) -> None:
    """Write who asked what, as far as facts do not tell; new exchanges have asked nothing before."""
    before = list(placements.keys() - new)
    rows = await connection.fetch(statements.ASKS_OF, before) if before else []
    had = {(row["key"], row["until"], row["exchange_id"]) for row in rows}
    has = {(key, until, number) for number, one in placements.items() for key, until in _told(known[number], one)}
    if gone := had - has:
        await connection.execute(statements.DROP_ASKS, *columns(sorted(gone)))
    if come := has - had:
        await connection.execute(statements.ADD_ASKS, sorted(come))


def _told(facts: Facts, placement: Placement) -> Iterator[tuple[int, datetime]]:
    """What is watched beyond that which everybody with such facts does."""
    expected = implied(facts)
    for key, until in placement.watches.items():
        if key not in expected or until > facts.started_at:
            yield key, until
