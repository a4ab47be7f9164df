"""One exchange of the history, with all that its rows are made of."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from msgspec import Struct

from plait.common.blobs import Blob, Link
from plait.common.ids import conversation_id
from tests.bench.history.people import Person

COMPLETE: Final = "complete"


class Call(Struct, frozen=True):
    """A tool call in an answer."""

    id: str
    name: str


class Result(Struct, frozen=True):
    """What a call gave, in the next request."""

    call: Call
    is_error: bool


class Asked(Struct, frozen=True, kw_only=True):
    """The request."""

    kind: str
    side_kind: str | None = None
    request_type: str | None = "inference"
    method: str = "POST"
    path: str = "/v1/messages"
    model: str | None
    preview: str | None = None
    head: bytes | None = None
    """The chain of its messages; None: it has no messages."""
    depth: int = 0
    blobs: tuple[Blob, ...] = ()
    """Messages that no request before had."""
    links: tuple[Link, ...] = ()
    results: tuple[Result, ...] = ()


class Spent(Struct, frozen=True):
    """Tokens that the answer told of."""

    input: int
    output: int
    cache_read: int = 0
    cache_5m: int = 0
    cache_1h: int = 0
    searches: int = 0


class Answered(Struct, frozen=True, kw_only=True):
    """The end."""

    outcome: str = COMPLETE
    status: int = 200
    lasted_ms: float
    content: Blob | None = None
    stop_reason: str | None = "end_turn"
    calls: tuple[Call, ...] = ()
    spent: Spent | None = None
    error: tuple[str, str] | None = None
    """Type and message."""


class Linked(Struct, frozen=True, kw_only=True):
    """Its place."""

    conversation_id: UUID | None
    link_kind: str | None = None
    """None: a side call."""
    branch: str | None = None
    parent_id: UUID | None = None
    retry_of: UUID | None = None
    serves_id: UUID | None = None
    task_id: UUID | None = None
    """The exchange that called the sub-agent it belongs to."""


class Told(Struct, frozen=True):
    """All of it."""

    id: UUID
    at: datetime
    person: Person
    agent_id: str | None
    agent_type: str | None
    asked: Asked
    answered: Answered | None
    """None: it runs."""
    linked: Linked

    @property
    def ended_at(self) -> datetime | None:
        """When its answer ended."""
        return self.at + timedelta(milliseconds=self.answered.lasted_ms) if self.answered else None

    @property
    def own_id(self) -> UUID:
        """The conversation that it would have as a root."""
        return conversation_id(self.id)
