"""The short way for the commonest change: an exchange at the end of a line is named from its parent's names alone.

What this finds equals what naming the whole tree would give; where that is not certain it finds nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from uuid import UUID

from plait.linker.domain.names import Member, Names, name_leaf
from plait.linker.link_rows import Named, target_of


def name_leaves(placed: Iterable[Member], near: Mapping[UUID, Named]) -> dict[UUID, Named]:
    """Names of those placed exchanges that do not need their whole tree for it; `near` as `link_rows.read_near` gives.

    The others are left out, and so are those that follow one of the others.
    """
    known = dict(near)
    children: defaultdict[UUID, dict[UUID, Member]] = defaultdict(dict)
    for named in near.values():
        if named.target:
            children[named.target][named.member.id] = named.member
    leaves: dict[UUID, Named] = {}
    for one in sorted(placed, key=lambda one: one.stamp):
        names = _names(one, known, children)
        if names:
            leaves[one.id] = known[one.id] = Named(one, names)
            if target := target_of(one):
                children[target][one.id] = one
        else:
            known.pop(one.id, None)
    return leaves


def _names(one: Member, known: Mapping[UUID, Named], children: Mapping[UUID, Mapping[UUID, Member]]) -> Names | None:
    before = known.get(one.id)
    if before and before.member == one:
        return before.names
    target = target_of(one)
    towards = known.get(target) if target else None
    if one.id in children or (before and _moves(before.member, one)) or _opens(one, towards):
        return None
    siblings = [sibling for sibling in children.get(target, {}).values() if sibling.id != one.id] if target else []
    return name_leaf(one, towards.member if towards else None, towards.names if towards else None, siblings)


def _moves(before: Member, now: Member) -> bool:
    """Whether it was somewhere else in the trees before."""
    places = [(one.rule, one.parent_id, one.retry_of, one.serves_id, one.converses) for one in (before, now)]
    return places[0] != places[1]


def _opens(one: Member, towards: Named | None) -> bool:
    """Whether it begins a conversation, or may change a title."""
    if towards is None:
        return one.converses or target_of(one) is not None
    return bool(one.title) and (one.titles or not towards.member.titled)
