"""Names of what new placements touch: leaves and what moves by themselves, everything else with its whole tree."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Set
from dataclasses import dataclass
from uuid import UUID

import asyncpg

from plait.linker import link_rows
from plait.linker.domain.link import Link
from plait.linker.domain.names import Member, member, name_trees, titles_of
from plait.linker.leaves import name_leaves
from plait.linker.link_rows import Named, target_of
from plait.linker.shelf import Shelf
from plait.linker.uprooting import Uprooted, uproot


@dataclass(frozen=True)
class Woven:
    """What became of conversations."""

    titles: Mapping[UUID, str | None]
    """Those whose trees were named as a whole, with their titles."""
    gone: Set[UUID]
    """Those that are no more."""
    grown: Mapping[UUID, bool]
    """Leaves of all others, by exchange, and whether the leaf is new there."""
    freed: Mapping[UUID, Set[str]]
    """Branch names that those conversations have no more."""


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
    leaves = await _name_leaves(connection, placed, near, Uprooted())
    uprooted = await uproot(connection, (placed[number] for number in placed.keys() - leaves.keys()), near)
    members = {number: one.member for number, one in uprooted.below.items()} | placed
    if uprooted.below:
        replanted = await _name_leaves(connection, members, near, uprooted)
        if uprooted.holds(replanted) and uprooted.gone.isdisjoint(emptied):
            leaves = replanted
        else:
            members, uprooted = placed, Uprooted()
    touched = _touched(placed, near, leaves) - uprooted.gone | set(emptied)
    trees = await link_rows.read_trees(connection, touched) if touched else {}
    whole = _members(trees, touched, members, leaves)
    names = name_trees(whole.values())
    now = {number: Named(one, names[number]) for number, one in whole.items()}
    alone = {number: leaf for number, leaf in leaves.items() if number not in whole}
    changed = {number: named for number, named in now.items() if trees.get(number) != named or number in links}
    before = {**near, **uprooted.below, **trees}
    await link_rows.write(connection, alone | changed, links, before)
    there = _conversations(now.values())
    titles = titles_of(whole.values(), names)
    grown = {number: _is_new(leaf, before.get(number)) for number, leaf in alone.items() if before.get(number) != leaf}
    return Woven({one: titles.get(one) for one in there}, touched - there | uprooted.gone, grown, uprooted.left(leaves))


async def _name_leaves(
    connection: asyncpg.pool.PoolConnectionProxy,
    members: Mapping[UUID, Member],
    near: Mapping[UUID, Named],
    uprooted: Uprooted,
) -> dict[UUID, Named]:
    """Names of those that do not need their whole tree; those of the uprooted count as not given yet."""
    standing = {number: named for number, named in near.items() if number not in uprooted.below}
    leaves = name_leaves(members.values(), standing, {})
    unnamed = [members[number] for number in members.keys() - leaves.keys()]
    if not unnamed and not uprooted.freed:
        return leaves
    towards = [standing[target] for one in unnamed if (target := target_of(one)) in standing]
    replanted = [leaves[number] for number in uprooted.below.keys() & leaves.keys()]
    branching = _conversations(towards + replanted) | uprooted.freed.keys()
    taken = await link_rows.read_taken(connection, branching) if branching else {}
    if not all(number in taken and taken[number].free(names) for number, names in uprooted.freed.items()):
        return {}  # a number would change, or the newest exchange of the conversation is just being deleted
    return name_leaves(members.values(), standing, taken) if unnamed and taken else leaves


def _is_new(leaf: Named, before: Named | None) -> bool:
    """Whether a conversation counts it for the first time."""
    return before is None or before.names.conversation_id != leaf.names.conversation_id


def _touched(placed: Mapping[UUID, Member], near: Mapping[UUID, Named], leaves: Mapping[UUID, Named]) -> set[UUID]:
    """The conversations that lose, gain or change a member which is no leaf."""
    others = [one for number, one in placed.items() if number not in leaves]
    around = {number for one in others for number in (one.id, target_of(one)) if number}
    return _conversations(named for number in around if (named := leaves.get(number) or near.get(number)))


def _members(
    trees: Mapping[UUID, Named], touched: set[UUID], members: Mapping[UUID, Member], leaves: Mapping[UUID, Named]
) -> dict[UUID, Member]:
    """All members of the touched conversations as they are from now on; `members`: those that may be new there."""
    whole = {number: named.member for number, named in trees.items()}
    for number, one in members.items():
        leaf = leaves.get(number)
        if leaf is None or leaf.names.conversation_id in touched:
            whole[number] = one
    return whole


def _conversations(named: Iterable[Named]) -> set[UUID]:
    return {one.names.conversation_id for one in named if one.names.conversation_id}
