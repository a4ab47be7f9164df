"""The short way for what nearly always happens: an exchange at the end of a line is named without reading its tree.

What this finds equals what naming the whole tree would give; where that is not certain it finds nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from uuid import UUID

from plait.linker.domain.names import Member, Names, Taken, may_count, name_leaf, name_retry
from plait.linker.link_rows import Named, target_of


def name_leaves(placed: Iterable[Member], near: Mapping[UUID, Named], taken: Mapping[UUID, Taken]) -> dict[UUID, Named]:
    """Names of those placed exchanges that do not need their whole tree for it; `near` as `link_rows.read_near` gives.

    `taken` is by conversation; where a conversation is not in it, nothing that opens a branch there is named. The
    others are left out, and so are those that follow one of the others.
    """
    surroundings = _Surroundings(near, taken)
    leaves: dict[UUID, Named] = {}
    for one in sorted(placed, key=lambda one: one.stamp):
        names = surroundings.names_of(one)
        if names:
            leaves[one.id] = surroundings.put(one, names)
        else:
            surroundings.drop(one)
    return leaves


class _Surroundings:
    """What stands around exchanges, as far as it is known, and grows while they are named."""

    def __init__(self, near: Mapping[UUID, Named], taken: Mapping[UUID, Taken]) -> None:
        self._known = dict(near)
        self._taken = taken
        self._children: defaultdict[UUID, dict[UUID, Member]] = defaultdict(dict)
        for named in near.values():
            if named.target:
                self._children[named.target][named.member.id] = named.member

    def put(self, one: Member, names: Names) -> Named:
        """It is named so now."""
        self._known[one.id] = named = Named(one, names)
        if target := target_of(one):
            self._children[target][one.id] = one
        return named

    def drop(self, one: Member) -> None:
        """Its name is not known any more."""
        self._known.pop(one.id, None)

    def names_of(self, one: Member) -> Names | None:
        """Its names, None where they are not certain or change those of others."""
        before = self._known.get(one.id)
        if before and before.member == one:
            return before.names
        target = target_of(one)
        towards = self._known.get(target) if target else None
        if one.id in self._children or (before and _moves(before.member, one)) or _opens(one, towards):
            return None
        if before and before.member.got_somewhere == one.got_somewhere:
            return before.names
        beside = [sibling for sibling in self._children[target].values() if sibling.id != one.id] if target else []
        if before and any(sibling.converses for sibling in beside):
            return None
        siblings = [sibling for sibling in beside if self._got_somewhere(sibling)]
        if one.retry_of and towards:
            return name_retry(one, towards.names) if self._may_be_retried(towards.member, one) else None
        taken = self._taken.get(towards.names.conversation_id) if towards and towards.names.conversation_id else None
        return name_leaf(one, towards.member if towards else None, towards.names if towards else None, siblings, taken)

    def _got_somewhere(self, one: Member) -> bool:
        """Whether it or a retry of it did; retries stand beside what they retry, and are known with it."""
        again = (other for other in self._children.get(one.id, {}).values() if other.retry_of == one.id)
        return one.got_somewhere or any(self._got_somewhere(other) for other in again)

    def _may_be_retried(self, attempt: Member, retry: Member) -> bool:
        """Whether the names around an attempt stay when this is its retry.

        They change when an attempt that came to nothing becomes one that counts, beside others that count.
        """
        if attempt.got_somewhere or not retry.got_somewhere:
            return True
        while attempt.retry_of:
            earlier = self._known.get(attempt.retry_of)
            if earlier is None:
                return False
            attempt = earlier.member
        if attempt.parent_id is None:
            return True
        parent = self._known.get(attempt.parent_id)
        others = (one for one in self._children[attempt.parent_id].values() if one.id != attempt.id)
        return parent is not None and not any(may_count(one, parent.member) for one in others)


def _moves(before: Member, now: Member) -> bool:
    """Whether it was somewhere else in the trees before."""
    places = [(one.rule, one.parent_id, one.retry_of, one.serves_id, one.converses) for one in (before, now)]
    return places[0] != places[1]


def _opens(one: Member, towards: Named | None) -> bool:
    """Whether it begins a conversation, or may change a title."""
    if towards is None:
        return one.converses or target_of(one) is not None
    return bool(one.title) and (one.titles or not towards.member.titled)
