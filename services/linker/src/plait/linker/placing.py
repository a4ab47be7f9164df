"""Whom exchanges follow, decided again for those whose facts changed and those who asked for what changed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from uuid import UUID

import asyncpg

from plait.linker import statements
from plait.linker.columns import columns
from plait.linker.domain.facts import Facts
from plait.linker.domain.link import Placement
from plait.linker.domain.lookup import Ask, NotLoaded
from plait.linker.domain.parent import place
from plait.linker.domain.weave import slim, stirred
from plait.linker.knowledge import Change, keep
from plait.linker.shelf import Shelf


async def place_again(
    connection: asyncpg.pool.PoolConnectionProxy, shelf: Shelf, changes: Sequence[Change]
) -> dict[UUID, Placement]:
    """The placements of all exchanges that these changes may move; what they asked is kept for the next change."""
    numbers = {change.after.id for change in changes} | await _askers(connection, changes)
    await shelf.load(numbers)
    placements = await _place(shelf, [facts for number in sorted(numbers) if (facts := shelf.get(number))])
    await _keep_asks(connection, placements, {change.after.id for change in changes if change.before is None})
    await keep(connection, _slimmed(shelf, placements, {change.after.id for change in changes}))
    return placements


def _slimmed(shelf: Shelf, placements: Mapping[UUID, Placement], news: set[UUID]) -> Iterator[Facts]:
    """The facts as they are to be kept, of those that are new or can be kept smaller now."""
    for number, placement in placements.items():
        facts = shelf.get(number)
        if facts and ((slimmer := slim(facts, placement)) != facts or number in news):
            yield slimmer


async def _askers(connection: asyncpg.pool.PoolConnectionProxy, changes: Iterable[Change]) -> set[UUID]:
    """Who was decided by a key that a changed exchange offers, or offered before."""
    touched = [one for change in changes for one in stirred(change.before, change.after).items()]
    if not touched:
        return set()
    return {row["exchange_id"] for row in await connection.fetch(statements.ASKERS, *columns(touched))}


async def _place(shelf: Shelf, waiting: Sequence[Facts]) -> dict[UUID, Placement]:
    """Run the rules; what they lack is fetched for all of them together, until they lack nothing."""
    placements: dict[UUID, Placement] = {}
    while waiting:
        lacking: dict[Ask, None] = {}
        again: list[Facts] = []
        for facts in waiting:
            try:
                placements[facts.id] = place(facts, shelf)
            except NotLoaded as lack:
                lacking |= dict.fromkeys(lack.asks)
                again.append(facts)
        await shelf.fetch(lacking)
        waiting = again
    return placements


async def _keep_asks(
    connection: asyncpg.pool.PoolConnectionProxy, placements: Mapping[UUID, Placement], new: set[UUID]
) -> None:
    """Write who asked what; new exchanges have asked nothing before."""
    known = list(placements.keys() - new)
    rows = await connection.fetch(statements.ASKS_OF, known) if known else []
    had = {(row["key"], row["until"], row["exchange_id"]) for row in rows}
    has = {(key, until, number) for number, one in placements.items() for key, until in one.watches.items()}
    if gone := had - has:
        await connection.execute(statements.DROP_ASKS, *columns(sorted(gone)))
    if come := has - had:
        await connection.execute(statements.ADD_ASKS, *columns(sorted(come)))
