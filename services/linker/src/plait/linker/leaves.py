"""The short way for what nearly always happens: an exchange is named beside whom it follows, its tree is not read.

So are ends of lines, orphans whose parent has come, with all below them, and those who get a new parent on the branch
where they are. What this finds equals what naming the whole tree gives; where that is not certain it finds nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from uuid import UUID

import msgspec

from plait.linker.domain.names import (
    Member,
    Names,
    Taken,
    first_child_kind,
    may_count,
    name_leaf,
    name_retry,
    opens_branch,
)
from plait.linker.link_rows import Named, target_of


def name_leaves(
    members: Iterable[Member], near: Mapping[UUID, Named], taken: Mapping[UUID, Taken]
) -> dict[UUID, Named]:
    """Names of those members that do not need their whole tree for it, and of their children where those change.

    `near` as `link_rows.read_near` gives, without those members whose old names are void; `taken` is by conversation:
    where a conversation is not in it, nothing that opens a branch there is named. The others are left out, and so are
    those that follow one of the others.
    """
    waiting = sorted(members, key=lambda one: one.stamp)
    surroundings = _Surroundings(near, taken, waiting)
    leaves: dict[UUID, Named] = {}
    for one in waiting:
        names = surroundings.names_of(one)
        if names:
            leaves |= surroundings.put(one, names)
        else:
            surroundings.drop(one)
    return leaves


class _Surroundings:
    """What stands around exchanges, as far as it is known, and grows while they are named."""

    def __init__(self, near: Mapping[UUID, Named], taken: Mapping[UUID, Taken], placed: Iterable[Member]) -> None:
        self._known = dict(near)
        self._taken = taken
        self._children: defaultdict[UUID, dict[UUID, Member]] = defaultdict(dict)
        for named in near.values():
            if named.target:
                self._children[named.target][named.member.id] = named.member
        for one in placed:
            before = near.get(one.id)
            if before and before.target and before.target != target_of(one):
                self._children[before.target].pop(one.id, None)

    def put(self, one: Member, names: Names) -> dict[UUID, Named]:
        """It is named so now; it, and those of its children whose link is another one by that."""
        if target := target_of(one):
            self._children[target][one.id] = one
        self._known[one.id] = named = Named(one, names)
        changed = {child.member.id: child for child in self._relabelled(one)}
        self._known |= changed
        return {one.id: named, **changed}

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
        if _opens(one, towards):
            return None
        if before and before.target != target:
            return self._moved(one, before, towards) if towards else None
        if before and _stays(before.member, one, towards):
            return before.names
        if self._children.get(one.id) or (before and _is_other(before.member, one)):
            return None
        beside = [sibling for sibling in self._children[target].values() if sibling.id != one.id] if target else []
        if before and any(sibling.converses for sibling in beside):
            return None
        return self._as_leaf(one, towards, beside)

    def _as_leaf(self, one: Member, towards: Named | None, beside: Iterable[Member]) -> Names | None:
        if one.retry_of and towards:
            return name_retry(one, towards.names) if self._may_be_retried(towards.member, one) else None
        siblings = [sibling for sibling in beside if self._got_somewhere(sibling)]
        taken = self._taken.get(towards.names.conversation_id) if towards and towards.names.conversation_id else None
        return name_leaf(one, towards.member if towards else None, towards.names if towards else None, siblings, taken)

    def _moved(self, one: Member, before: Named, towards: Named) -> Names | None:
        """Names of an exchange that has a new parent and keeps its branch, so that nothing below it changes."""
        if not one.converses and not before.member.converses:
            return self._as_leaf(one, towards, ()) if _may_serve(before.names, towards.names) else None
        origin = self._known.get(before.target) if before.target else None
        if origin is None or _is_other(before.member, one) or not (one.got_somewhere and before.member.got_somewhere):
            return None
        retried = any(child.retry_of == one.id for child in self._children[one.id].values())
        if retried or one.retry_of or opens_branch(one, towards.member) or opens_branch(before.member, origin.member):
            return None
        if may_count(one, origin.member) and self._has_one_that_counts(origin):
            return None
        names = self._as_leaf(one, towards, list(self._children[towards.member.id].values()))
        return names if names and _place(names) == _place(before.names) else None

    def _has_one_that_counts(self, parent: Named) -> bool:
        """Whether one of its children can be the one that continues its branch."""
        children = self._children[parent.member.id].values()
        return any(may_count(child, parent.member) and self._got_somewhere(child) for child in children)

    def _relabelled(self, one: Member) -> Iterator[Named]:
        """Children that stay on its branch, whose link tells how it ended."""
        for child in self._children.get(one.id, {}).values():
            named = self._known.get(child.id)
            if named and named.names.link_kind in ("continue", "interrupted", "resume_agent"):
                kind = first_child_kind(child, one)
                if kind != named.names.link_kind:
                    yield Named(child, msgspec.structs.replace(named.names, link_kind=kind))

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


def _is_other(before: Member, now: Member) -> bool:
    """Whether it is something else in the trees than before, wherever it stands."""
    return _nature(before) != _nature(now)


def _nature(one: Member) -> tuple[object, ...]:
    return one.kind, one.converses, one.retry_of, one.serves_id is None, one.rule in ("spawn", "summary")


def _stays(before: Member, now: Member, towards: Named | None) -> bool:
    """Whether what changed of it, at the same place, changes no name: its own nor that of others.

    Where a failure leaves it no longer counted among its siblings, one on a branch of its own was not counted before.
    """
    if _is_other(before, now):
        return False
    return before.got_somewhere == now.got_somewhere or (towards is not None and opens_branch(now, towards.member))


def _may_serve(before: Names, served: Names) -> bool:
    """Whether a side request may hang on another exchange without leaving a conversation."""
    return before.conversation_id in (None, served.conversation_id)


def _place(names: Names) -> tuple[object, ...]:
    """What those below it have of it."""
    return names.conversation_id, names.branch_id, names.is_subtask, names.parent_task_id, names.kind


def _opens(one: Member, towards: Named | None) -> bool:
    """Whether it begins a conversation, or may change a title."""
    if towards is None:
        return one.converses or target_of(one) is not None
    return bool(one.title) and (one.titles or not towards.member.titled)
