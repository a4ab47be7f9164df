"""Conversations, branches and link kinds, read off the pointers of one tree (linking.md, "Names").

Names depend on nothing but the members and their pointers: the same after any replay. What is in a tree is given whole;
`name_leaf` is the short way for the commonest change, an exchange at the end of a line.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence, Set
from datetime import UTC, datetime
from typing import Final, Literal
from uuid import UUID

import msgspec
from msgspec import Struct

from plait.common.events import Outcome
from plait.common.ids import conversation_id
from plait.linker.domain.facts import CONVERSING, Facts, Kind
from plait.linker.domain.link import Link, Rule
from plait.linker.domain.lookup import Stamp

LinkKind = Literal[
    "root",
    "continue",
    "branch",
    "fork",
    "spawn",
    "resume_agent",
    "compact",
    "after_compaction",
    "retry",
    "interrupted",
]
MAIN: Final = "main"


class Member(Struct, frozen=True, kw_only=True):
    """What naming knows of one exchange: its pointers and a few facts."""

    id: UUID
    started_at: datetime
    kind: Kind
    rule: Rule
    parent_id: UUID | None = None
    retry_of: UUID | None = None
    serves_id: UUID | None = None
    session_id: str | None = None
    agent_id: str | None = None
    outcome: Outcome | None = None
    empty: bool = True
    """Whether no content came."""
    stop_reason: str = ""
    title: str = ""
    """Of a title request its answer's, else the first real prompt; "" where one before it has the same."""
    titled: bool = False
    """Whether it or one before it has a title, so that none after it gives one."""
    titles: bool = False
    """Whether it is a title request."""

    @property
    def stamp(self) -> tuple[datetime, UUID]:
        """Place in the order of time."""
        return (self.started_at, self.id)

    @property
    def converses(self) -> bool:
        """Whether it is part of the tree; else it is a side note."""
        return self.kind in CONVERSING and self.outcome != "rejected"

    @property
    def got_somewhere(self) -> bool:
        """Whether it got past `failed`, and past `aborted` without any content; running ones may."""
        return self.outcome != "failed" and not (self.outcome == "aborted" and self.empty)


class Names(Struct, frozen=True, kw_only=True):
    """What an exchange is called in its tree."""

    exchange_id: UUID
    kind: Kind
    """`subagent` for an inference below a spawn."""
    conversation_id: UUID | None = None
    """None for a side note that serves nothing known."""
    parent_id: UUID | None = None
    link_kind: LinkKind | None = None
    """None for side notes."""
    branch_id: str | None = None
    is_subtask: bool = False
    parent_task_id: UUID | None = None
    """The exchange whose answer holds the call of the spawn it is below."""


def member(facts: Facts, link: Link) -> Member:
    """What naming needs of an exchange, read off its facts as they are kept (`weave.slim`)."""
    titles = facts.side_kind == "title"
    answer = facts.answer
    return Member(
        id=facts.id,
        started_at=facts.started_at,
        kind=facts.kind,
        rule=link.rule,
        parent_id=link.parent_id,
        retry_of=link.retry_of,
        serves_id=link.serves_id,
        session_id=facts.session_id,
        agent_id=facts.agent_id,
        outcome=facts.outcome,
        empty=answer.empty if answer else True,
        stop_reason=answer.stop_reason if answer else "",
        title=(answer.title if answer else "") if titles else facts.title,
        titled=facts.titled,
        titles=titles,
    )


def name_trees(members: Iterable[Member]) -> dict[UUID, Names]:
    """Names of all members of one or more whole trees. A pointer to somebody who is not among them counts as none."""
    return _Naming(sorted(members, key=lambda one: one.stamp)).all()


class Taken:
    """What of a conversation's names is given away: all that naming a new leaf needs of the rest of its tree."""

    def __init__(self, branches: Iterable[str], spawns: int, last_spawn: Stamp | None, newest: Stamp) -> None:
        """`last_spawn` and `newest`: when the newest sub-agent began, and the newest exchange of all."""
        self._branches = set(branches)
        self._spawns = spawns
        self._last_spawn = last_spawn
        self._newest = newest

    def subtask(self, one: Member) -> int | None:
        """The number of a spawn that comes after all others; None if it does not: then theirs change."""
        if self._last_spawn and self._last_spawn > one.stamp:
            return None
        self._spawns, self._last_spawn = self._spawns + 1, one.stamp
        self._give(one, f"subtask_{self._spawns}")
        return self._spawns

    def branch(self, one: Member, wanted: str) -> str | None:
        """The name, with a number if others have it that began before; None if one may have to give it up."""
        if wanted in self._branches and one.stamp < self._newest:
            return None
        name = free_name(wanted, self._branches)
        self._give(one, name)
        return name

    def free(self, names: Set[str]) -> bool:
        """Take names back; False if others may have got a number, or another one, because of them."""
        self._branches -= names
        return {_stem(name) for name in names}.isdisjoint(map(_stem, self._branches))

    def _give(self, one: Member, name: str) -> None:
        self._branches.add(name)
        self._newest = max(self._newest, one.stamp)


def _stem(name: str) -> str:
    """A branch's name without its number: what `_branch_name` gives."""
    return "_".join(name.split("_")[:2])


def free_name(wanted: str, taken: Set[str]) -> str:
    """The name, with `_2`, `_3`, … if the conversation has it already."""
    name, number = wanted, 1
    while name in taken:
        number += 1
        name = f"{wanted}_{number}"
    return name


def name_leaf(
    leaf: Member, towards: Member | None, named: Names | None, siblings: Sequence[Member], taken: Taken | None
) -> Names | None:
    """Names of an exchange that nobody points at, from those of the one it points at; None: name the whole tree.

    `towards` is what its parent or served pointer names and `named` its names; `siblings` are the other members whose
    parent that is, and of which an attempt got somewhere; `taken` is of their conversation. Only where the result
    changes no other names.
    """
    if not leaf.converses:
        return _side_note(leaf, named)
    if towards is None or named is None:
        return _root(leaf)
    if leaf.rule == "spawn":
        number = taken.subtask(leaf) if taken else None
        return _spawned(leaf, named, number) if number else None
    if leaf.kind == "compaction":
        return _on_branch(leaf, towards, named)
    if opens_branch(leaf, towards):
        return _free_branch(leaf, named, _branching_kind(leaf), taken)
    counting = [one for one in siblings if may_count(one, towards)]
    if not counting or not leaf.got_somewhere:
        return _on_branch(leaf, towards, named)
    if any(one.stamp < leaf.stamp for one in counting):
        return _free_branch(leaf, named, "branch", taken)
    return None


def name_retry(leaf: Member, attempt: Names) -> Names:
    """Names of a retry: its attempt's."""
    return msgspec.structs.replace(attempt, exchange_id=leaf.id, kind=_kind(leaf, attempt), link_kind="retry")


def titles_of(members: Iterable[Member], names: dict[UUID, Names]) -> dict[UUID, str]:
    """Conversation id → title: the client's own, else the first prompt typed."""
    asked: dict[UUID, str] = {}
    typed: dict[UUID, str] = {}
    for one in sorted(members, key=lambda one: one.stamp):
        conversation = names[one.id].conversation_id
        if conversation and one.title:
            if one.titles:
                asked.setdefault(conversation, one.title)
            elif one.converses:
                typed.setdefault(conversation, one.title)
    return typed | asked


def opens_branch(one: Member, parent: Member) -> bool:
    """Whether a child gets a branch of its own whatever its siblings are."""
    return one.rule in ("spawn", "summary") or _is_fork(one, parent)


def _is_fork(one: Member, parent: Member) -> bool:
    return bool(one.session_id and parent.session_id and one.session_id != parent.session_id)


def may_count(one: Member, parent: Member) -> bool:
    """Whether a child can be the one that continues its parent's branch."""
    return one.converses and not one.retry_of and one.kind != "compaction" and not opens_branch(one, parent)


class _Naming:
    """One pass over members in the order of time: parents are named before their children."""

    def __init__(self, members: Sequence[Member]) -> None:
        self._members = members
        self._by_id = {one.id: one for one in members}
        self._names: dict[UUID, Names] = {}
        self._taken: defaultdict[UUID, set[str]] = defaultdict(set)
        self._spawns: Counter[UUID] = Counter()
        self._continued: set[UUID] = set()
        self._alive = self._attempts_that_got_somewhere()

    def all(self) -> dict[UUID, Names]:
        """The names of all."""
        for one in self._members:
            if one.converses:
                self._put(one, self._name(one))
        for one in self._members:
            if not one.converses:
                self._put(one, _side_note(one, self._names.get(one.serves_id) if one.serves_id else None))
        return self._names

    def _put(self, one: Member, names: Names) -> None:
        self._names[one.id] = names
        if names.conversation_id and names.branch_id:
            self._taken[names.conversation_id].add(names.branch_id)

    def _name(self, one: Member) -> Names:
        attempt = self._names.get(one.retry_of) if one.retry_of else None
        if attempt:
            return name_retry(one, attempt)
        parent = self._by_id.get(one.parent_id) if one.parent_id else None
        named = self._names.get(parent.id) if parent else None
        if parent is None or named is None:
            return _root(one)
        if one.rule == "spawn":
            return self._spawn(one, named)
        if one.kind == "compaction":
            return _on_branch(one, parent, named)
        if opens_branch(one, parent):
            return self._own_branch(one, named, _branching_kind(one))
        return self._child(one, parent, named)

    def _child(self, one: Member, parent: Member, named: Names) -> Names:
        """The first child that counts goes on in its parent's branch; a failed attempt stays there too."""
        if one.id not in self._alive:
            return _on_branch(one, parent, named)
        if parent.id in self._continued:
            return self._own_branch(one, named, "branch")
        self._continued.add(parent.id)
        return _on_branch(one, parent, named)

    def _spawn(self, one: Member, parent: Names) -> Names:
        conversation = _conversation(parent)
        self._spawns[conversation] += 1
        return _spawned(one, parent, self._spawns[conversation])

    def _own_branch(self, one: Member, parent: Names, kind: LinkKind) -> Names:
        name = free_name(_branch_name(one, kind), self._taken[_conversation(parent)])
        return _below(one, parent, kind, name)

    def _attempts_that_got_somewhere(self) -> set[UUID]:
        """First attempts of which one, or a retry of it, got past failing."""
        first: dict[UUID, UUID] = {}
        alive: set[UUID] = set()
        for one in self._members:
            first[one.id] = first.get(one.retry_of, one.id) if one.retry_of else one.id
            if one.got_somewhere:
                alive.add(first[one.id])
        return alive


def _root(one: Member) -> Names:
    own = conversation_id(one.id)
    return Names(exchange_id=one.id, kind=one.kind, conversation_id=own, link_kind="root", branch_id=MAIN)


def _side_note(one: Member, served: Names | None) -> Names:
    return Names(exchange_id=one.id, kind=one.kind, conversation_id=served.conversation_id if served else None)


def _spawned(one: Member, parent: Names, number: int) -> Names:
    return Names(
        exchange_id=one.id,
        kind="subagent" if one.kind == "inference" else one.kind,
        conversation_id=parent.conversation_id,
        parent_id=parent.exchange_id,
        link_kind="spawn",
        branch_id=f"subtask_{number}",
        is_subtask=True,
        parent_task_id=parent.exchange_id,
    )


def _free_branch(one: Member, parent: Names, kind: LinkKind, taken: Taken | None) -> Names | None:
    name = taken.branch(one, _branch_name(one, kind)) if taken else None
    return _below(one, parent, kind, name) if name else None


def _branching_kind(one: Member) -> LinkKind:
    """Of a child that gets a branch of its own whatever its siblings are, and is no spawn."""
    return "after_compaction" if one.rule == "summary" else "fork"


def _branch_name(one: Member, kind: LinkKind) -> str:
    stem = "compact_%H%M%S" if kind == "after_compaction" else "branch_%Y%m%d%H%M%S"
    return one.started_at.astimezone(UTC).strftime(stem)


def _on_branch(one: Member, parent: Member, named: Names) -> Names:
    return _below(one, named, first_child_kind(one, parent), named.branch_id or MAIN)


def first_child_kind(one: Member, parent: Member) -> LinkKind:
    """The link of a child that stays on its parent's branch."""
    if one.kind == "compaction":
        return "compact"
    if parent.outcome not in (None, "complete"):
        return "interrupted"
    resumed = one.agent_id and one.agent_id == parent.agent_id and parent.stop_reason == "end_turn"
    return "resume_agent" if resumed else "continue"


def _below(one: Member, parent: Names, kind: LinkKind, branch: str) -> Names:
    return Names(
        exchange_id=one.id,
        kind=_kind(one, parent),
        conversation_id=parent.conversation_id,
        parent_id=parent.exchange_id,
        link_kind=kind,
        branch_id=branch,
        is_subtask=parent.is_subtask,
        parent_task_id=parent.parent_task_id,
    )


def _kind(one: Member, above: Names) -> Kind:
    return "subagent" if above.is_subtask and one.kind == "inference" else one.kind


def _conversation(named: Names) -> UUID:
    """A conversing exchange always has one."""
    assert named.conversation_id is not None
    return named.conversation_id
