"""Events of `/api/live`: ids, times, outcomes and figures, and nothing of what was said."""

from __future__ import annotations

from datetime import datetime
from typing import Final, Literal, get_args
from uuid import UUID

import msgspec
from msgspec import Struct

Name = Literal[
    "exchange.started",
    "exchange.firstByte",
    "exchange.finished",
    "exchange.placed",
    "conversation.updated",
    "conversation.deleted",
]
NAMES: Final[tuple[str, ...]] = get_args(Name)


class ExchangeNews(Struct, frozen=True, kw_only=True, rename="camel"):
    """An exchange as far as it is known: each event of it tells everything, what is not known yet is null."""

    request_id: UUID
    domain: str
    timestamp: datetime
    """When the request arrived."""
    account_id: str | None = None
    session_id: str | None = None
    """The client's own, if it sends one."""
    key_name: str | None = None
    tag: str | None = None
    path: str | None = None
    model: str | None = None
    conversation_id: UUID | None = None
    """Known once the exchange is placed, as are its branch and kind."""
    branch_id: str | None = None
    kind: str | None = None
    status: int | None = None
    outcome: str | None = None
    """Null while running."""
    first_byte_ms: float | None = None
    first_token_ms: float | None = None
    duration_ms: float | None = None
    error_type: str | None = None
    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_input_tokens: int = 0
    cache_creation_input_tokens: int = 0
    total_tokens: int = 0


class ConversationNews(Struct, frozen=True, kw_only=True, rename="camel"):
    """A conversation after a change."""

    conversation_id: UUID
    domain: str
    revision: int
    """The state with the highest one holds, whichever was told last."""
    request_count: int
    branch_ids: list[str]
    latest_request_id: UUID
    moved_from: list[UUID]
    """Conversations that were found to be part of it and exist no longer."""


class Interest(Struct, frozen=True, kw_only=True):
    """Which events somebody listens to; what is None does not matter."""

    domains: frozenset[str] | None = None
    """What the key allows."""
    domain: str | None = None
    conversation_id: UUID | None = None
    session_id: str | None = None
    kind: str | None = None
    model: str | None = None
    names: frozenset[str] | None = None


class Told(Struct, frozen=True, kw_only=True):
    """One event, ready to be sent."""

    name: Name
    news: ExchangeNews | ConversationNews
    thread: str = ""
    """The session as records are keyed by it."""
    place: int = 0
    offset: int = 0
    frame: bytes = b""

    def concerns(self, interest: Interest) -> bool:
        """Whether somebody is to hear of it."""
        news = self.news
        if interest.domains is not None and news.domain not in interest.domains:
            return False
        if interest.names is not None and self.name not in interest.names:
            return False
        if interest.domain not in (None, news.domain):
            return False
        if interest.conversation_id not in (None, news.conversation_id) and not self._comes_from(interest):
            return False
        return self._is_of(interest)

    def _comes_from(self, interest: Interest) -> bool:
        """Whether a conversation that somebody follows went into this one."""
        return isinstance(self.news, ConversationNews) and interest.conversation_id in self.news.moved_from

    def _is_of(self, interest: Interest) -> bool:
        """What only exchanges have."""
        wanted = (interest.session_id, interest.kind, interest.model)
        if isinstance(self.news, ConversationNews):
            return wanted == (None, None, None)
        had = (self.thread, self.news.kind, self.news.model)
        return all(want in (None, has) for want, has in zip(wanted, had, strict=True))


def frame(name: str, data: object, event_id: str | None = None) -> bytes:
    """One server-sent event. JSON has no line break, so the data is one line."""
    head = f"id: {event_id}\nevent: {name}\n" if event_id is not None else f"event: {name}\n"
    return b"%bdata: %b\n\n" % (head.encode(), msgspec.json.encode(data))
