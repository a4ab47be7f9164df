"""The result of placing one exchange: pointers with the evidence that decided, made of facts alone."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from msgspec import Struct

Rule = Literal[
    "retry",
    "thread",
    "compaction",
    "match",
    "spawn",
    "fork",
    "summary",
    "tool_call",
    "answer",
    "edited",
    "domain_match",
    "domain_tool_call",
    "dropped_turns",
    "serves",
    "none",
]


class Link(Struct, frozen=True, kw_only=True):
    """Whom an exchange follows. A retry's parent is null here: it is read off its attempt when trees are named."""

    exchange_id: UUID
    rule: Rule
    parent_id: UUID | None = None
    retry_of: UUID | None = None
    serves_id: UUID | None = None
    spawn_call: str | None = None
    """The id of the tool call that started this agent."""
    detail: dict[str, Any] = {}
    """Evidence: what the rule saw."""


class Placement(Struct, frozen=True, kw_only=True):
    """A link, and what would decide it anew."""

    link: Link
    watches: dict[int, datetime]
    """Key → until: a change under the key decides anew if what changed started at that moment or earlier."""
    settled: bool
    """Whether no later fact can make a search further back in the history necessary (see `weave.slim`)."""
    titled: bool = False
    """Whether it is settled, and whom it follows sends the same first prompt: who looks for a title has it there."""
