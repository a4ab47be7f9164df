"""What a turn could have read, and why it read less: pure rules."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Final, Literal
from uuid import UUID

from msgspec import Struct

from plait.ledger.cache.turn import MINUTES_S, Turn

Cause = Literal[
    "first_use",
    "lifetime_over",
    "compaction",
    "model",
    "tools",
    "system",
    "message",
    "settings",
    "breakpoint_moved",
    "unexplained",
]
NO_MARK: Final = -2
"""In place of a message: nothing has a breakpoint."""
_TOLERANCE: Final = 64
"""Tokens that may be missing, or one in a hundred: the provider counts anew with every request."""
_SETTINGS: Final = ("tool_choice", "thinking", "speed")
"""Fields whose change makes the provider read messages anew."""


class Common(Struct, frozen=True):
    """How far two lists of messages are the same."""

    messages: int | None
    """Equal ones at the beginning; None: fewer than were looked at."""
    change: str | None = None
    """What became of the next: edited, dropped, inserted; None: there is none, or it was not looked at."""


class Marks(Struct, frozen=True):
    """What a request asked of the cache."""

    last: int
    """The last message with a breakpoint; -1: only tools or system prompt have one; `NO_MARK`."""
    settings: dict[str, Any]


class Before(Struct, frozen=True, kw_only=True):
    """The turn whose cache could have been read."""

    turn: Turn | None
    """The one that is followed; None: one that only begins alike."""
    id: UUID
    expected: int
    """Tokens that it left, and that are of use."""
    used_at: datetime
    """When its cache was used last."""
    lifetime_s: int | None


class Evidence(Struct, frozen=True, kw_only=True):
    """What is looked up only of those who missed something."""

    common: Common | None = None
    """With the one that is followed."""
    marks: Marks | None = None
    marks_before: Marks | None = None
    shorter: int = 0
    """What the newest turn left whose whole prompt begins this one."""


class Finding(Struct, frozen=True, kw_only=True):
    """What came of it."""

    reference_id: UUID | None = None
    expected: int | None = None
    reusable: int
    missed: int = 0
    cause: Cause | None = None
    message_index: int | None = None
    change: str | None = None
    idle_s: float | None = None


def missed(turn: Turn, before: Before | None) -> int:
    """Tokens that could have been read before anything is known of why; 0 when it is next to nothing."""
    if before is None or turn.figures is None:
        return 0
    lacking = before.expected - turn.figures.read
    return lacking if lacking > max(_TOLERANCE, before.expected // 100) else 0


def is_over(turn: Turn, before: Before) -> bool:
    """Whether what was left had lived its time."""
    return idle(turn, before) >= lifetime(turn, before)


def idle(turn: Turn, before: Before) -> float:
    """Seconds from the last use to this turn: the provider counts from requests, not from their ends."""
    return (turn.started_at - before.used_at).total_seconds()


def lifetime(turn: Turn, before: Before) -> int:
    """Seconds; who wrote nothing read what a client of the same habits had written."""
    mine = turn.figures.lifetime_s if turn.figures else None
    return before.lifetime_s or mine or MINUTES_S


class _Case(Struct, frozen=True):
    turn: Turn
    before: Before
    evidence: Evidence


def judge(turn: Turn, before: Before | None, evidence: Evidence) -> Finding:
    """The finding of a turn."""
    read = turn.figures.read if turn.figures else 0
    if before is None:
        return Finding(reusable=read, cause=None if read else "first_use")
    known: dict[str, Any] = {
        "reference_id": before.id,
        "expected": before.expected,
        "idle_s": max(0.0, round(idle(turn, before), 1)),
    }
    lacking = missed(turn, before)
    if not lacking:
        return Finding(**known, reusable=max(read, before.expected))
    case = _Case(turn, before, evidence)
    cause = next(cause for cause, holds in _CAUSES if holds(case))
    told = evidence.common if cause == "message" and evidence.common else Common(None)
    return Finding(
        **known,
        reusable=_reusable(case, cause, read),
        missed=lacking,
        cause=cause,
        message_index=told.messages,
        change=told.change,
    )


def _reusable(case: _Case, cause: Cause, read: int) -> int:
    """What the prompt as it was sent could have read."""
    if cause in ("breakpoint_moved", "unexplained"):
        return case.before.expected
    return max(read, case.evidence.shorter if cause == "message" else 0)


def _is_compaction(case: _Case) -> bool:
    followed = case.before.turn
    if followed is None or case.turn.link_kind not in ("compact", "after_compaction"):
        return False
    return case.turn.link_kind == "after_compaction" or case.turn.scope != followed.scope or _has_other_messages(case)


def _has_other(name: str) -> Callable[[_Case], bool]:
    return lambda case: case.before.turn is not None and getattr(case.turn, name) != getattr(case.before.turn, name)


def _has_other_messages(case: _Case) -> bool:
    followed, common = case.before.turn, case.evidence.common
    if followed is None or common is None:
        return False
    return common.messages is None or common.messages < followed.depth


def _has_other_settings(case: _Case) -> bool:
    mine, theirs = case.evidence.marks, case.evidence.marks_before
    if case.before.turn is None or mine is None or theirs is None:
        return False
    return any(mine.settings.get(name) != theirs.settings.get(name) for name in _SETTINGS)


def _lacks_breakpoint(case: _Case) -> bool:
    mine, theirs = case.evidence.marks, case.evidence.marks_before
    if mine is None:
        return False
    if case.before.turn is None:
        return mine.last == NO_MARK
    return theirs is not None and mine.last < theirs.last


_CAUSES: Final[Sequence[tuple[Cause, Callable[[_Case], bool]]]] = (
    ("lifetime_over", lambda case: is_over(case.turn, case.before)),
    ("compaction", _is_compaction),
    ("model", _has_other("model")),
    ("tools", _has_other("tools")),
    ("system", _has_other("system")),
    ("message", _has_other_messages),
    ("settings", _has_other_settings),
    ("breakpoint_moved", _lacks_breakpoint),
    ("unexplained", lambda _: True),
)
"""In the order of the prompt: what comes first makes all behind it be read anew."""
