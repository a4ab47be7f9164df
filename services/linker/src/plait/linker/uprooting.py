"""Exchanges that get another parent, with all below them: named anew where they stand now, their old tree is not read.

An orphan whose parent has come is such a one, and a turn that was linked to an older one because that between was late.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

import asyncpg

from plait.common.ids import conversation_id
from plait.linker import link_rows
from plait.linker.domain.names import Member, may_count
from plait.linker.link_rows import Named, target_of

_OPENED: Final = frozenset({"branch", "fork", "after_compaction"})


@dataclass(frozen=True)
class Uprooted:
    """Those that stand somewhere else from now on."""

    below: Mapping[UUID, Named] = field(default_factory=dict)
    """They, and all below them, as they were named."""
    gone: frozenset[UUID] = frozenset()
    """Conversations of which nothing is left: their root is one of them."""
    freed: Mapping[UUID, frozenset[str]] = field(default_factory=dict)
    """Branch names that are given back, by conversation, of those that stay."""

    def left(self, leaves: Mapping[UUID, Named]) -> dict[UUID, frozenset[str]]:
        """The names that were given back and not taken again."""
        taken = {leaves[number].names.branch_id for number in self.below}
        return {conversation: names - taken for conversation, names in self.freed.items()}

    def holds(self, leaves: Mapping[UUID, Named]) -> bool:
        """Whether all found a name, and none left a conversation that stays: that would have to be counted anew."""
        return all(
            number in leaves and named.names.conversation_id in (*self.gone, leaves[number].names.conversation_id)
            for number, named in self.below.items()
        )


async def uproot(
    connection: asyncpg.pool.PoolConnectionProxy, members: Iterable[Member], near: Mapping[UUID, Named]
) -> Uprooted:
    """Those of these members that have another parent than before; nobody where that changes names beside them."""
    moved = {one.id: before for one in members if (before := near.get(one.id)) and _is_elsewhere(before, one)}
    if not moved or not all(_may_leave(before, near) for before in moved.values()):
        return Uprooted()
    gone = frozenset(_conversations(one for one in moved.values() if _is_root(one)))
    below = await link_rows.read_below(connection, moved)
    leaving = [one for one in below.values() if one.names.conversation_id not in gone]
    if any(one.names.link_kind == "spawn" for one in leaving):  # the numbers of later ones would change
        return Uprooted()
    return Uprooted(below, gone, _branches(leaving))


def _is_elsewhere(before: Named, now: Member) -> bool:
    return now.converses and before.member.converses and target_of(now) not in (None, before.target)


def _is_root(named: Named) -> bool:
    return named.names.conversation_id == conversation_id(named.member.id)


def _may_leave(before: Named, near: Mapping[UUID, Named]) -> bool:
    """Whether those beside an exchange keep their names when it goes."""
    if before.member.retry_of:
        return False
    if _is_root(before) or before.names.link_kind in _OPENED:
        return True
    origin = near.get(before.target) if before.target else None
    beside = (one.member for one in near.values() if one.target == before.target and one is not before)
    return origin is not None and not any(may_count(one, origin.member) for one in beside)


def _branches(leaving: Iterable[Named]) -> dict[UUID, frozenset[str]]:
    found: dict[UUID, frozenset[str]] = {}
    for one in leaving:
        names = one.names
        if names.conversation_id and names.branch_id and names.link_kind in _OPENED:
            found[names.conversation_id] = found.get(names.conversation_id, frozenset()) | {names.branch_id}
    return found


def _conversations(named: Iterable[Named]) -> set[UUID]:
    return {one.names.conversation_id for one in named if one.names.conversation_id}
