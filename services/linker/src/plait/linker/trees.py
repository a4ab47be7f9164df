"""Names of what new placements touch: leaves by themselves, everything else with its whole tree."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from uuid import UUID

import asyncpg

from plait.linker import link_rows
from plait.linker.domain.link import Link
from plait.linker.domain.names import Member, member, name_trees, titles_of
from plait.linker.leaves import name_leaves
from plait.linker.link_rows import Named, target_of
from plait.linker.shelf import Shelf


@dataclass(frozen=True)
class Woven:
    """What became of conversations."""

    titles: Mapping[UUID, str | None]
    """Those whose trees were named as a whole, with their titles."""
    gone: frozenset[UUID]
    """Those that are no more."""
    grown: Mapping[UUID, bool]
    """Leaves of all others, by exchange, and whether the leaf is new."""


async def name_again(
    connection: asyncpg.pool.PoolConnectionProxy,
    shelf: Shelf,
    links: Mapping[UUID, Link],
    emptied: Collection[UUID] = frozenset(),
) -> Woven:
    """Name what these links place, and all that this changes; write it. `emptied`: conversations that lost exchanges.

    The domains must be locked: what stands around an exchange is read, named and written as one.
    """
    placed = {number: member(facts, link) for number, link in links.items() if (facts := shelf.get(number))}
    targets = {target for one in placed.values() if (target := target_of(one))}
    attempts = {one.retry_of for one in placed.values() if one.retry_of}
    near = await link_rows.read_near(connection, placed, targets, attempts)
    leaves = name_leaves(placed.values(), near, {})
    if branching := {one for number in placed.keys() - leaves.keys() if (one := _conversation(placed[number], near))}:
        leaves = name_leaves(placed.values(), near, await link_rows.read_taken(connection, branching))
    touched = _touched(placed, near, leaves) | set(emptied)
    trees = await link_rows.read_trees(connection, touched) if touched else {}
    whole = _members(trees, touched, placed, leaves)
    names = name_trees(whole.values())
    now = {number: Named(one, names[number]) for number, one in whole.items()}
    alone = {number: leaf for number, leaf in leaves.items() if number not in whole}
    changed = {number: named for number, named in now.items() if trees.get(number) != named or number in links}
    await link_rows.write(connection, alone | changed, links, near | trees)
    there = _conversations(now.values())
    titles = titles_of(whole.values(), names)
    grown = {number: number not in near for number, leaf in alone.items() if near.get(number) != leaf}
    return Woven({one: titles.get(one) for one in there}, frozenset(touched - there), grown)


def _conversation(one: Member, near: Mapping[UUID, Named]) -> UUID | None:
    """That of whom it points at."""
    target = target_of(one)
    return near[target].names.conversation_id if target and target in near else None


def _touched(placed: Mapping[UUID, Member], near: Mapping[UUID, Named], leaves: Mapping[UUID, Named]) -> set[UUID]:
    """The conversations that lose, gain or change a member which is no leaf."""
    others = [one for number, one in placed.items() if number not in leaves]
    around = {number for one in others for number in (one.id, target_of(one)) if number}
    return _conversations(named for number in around if (named := leaves.get(number) or near.get(number)))


def _members(
    trees: Mapping[UUID, Named], touched: set[UUID], placed: Mapping[UUID, Member], leaves: Mapping[UUID, Named]
) -> dict[UUID, Member]:
    """All members of the touched conversations as they are from now on."""
    whole = {number: named.member for number, named in trees.items()}
    for number, one in placed.items():
        leaf = leaves.get(number)
        if leaf is None or leaf.names.conversation_id in touched:
            whole[number] = one
    return whole


def _conversations(named: Iterable[Named]) -> set[UUID]:
    return {one.names.conversation_id for one in named if one.names.conversation_id}
