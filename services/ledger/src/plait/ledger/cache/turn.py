"""Turns: exchanges that used a prompt, with what matters to the cache."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Any, Final
from uuid import UUID

from msgspec import Struct

from plait.common.usage import Tokens, parse

MINUTES_S: Final = 300
HOUR_S: Final = 3600
_BESIDE: Final = frozenset({"compaction", "advisor_message"})
"""Runs of a call whose prompt is not the request's."""
_FOLLOWING: Final = frozenset(
    {"continue", "branch", "fork", "resume_agent", "retry", "interrupted", "compact", "after_compaction"}
)
"""Link kinds of requests that send the history of another again, with more at the end."""
_BEGINNING: Final = frozenset({"root", "spawn"})
_SHORT: Final = 3
"""Messages that a first request has at most: context, reminders, and the prompt."""
_CLIENT: Final = 100


class Figures(Struct, frozen=True):
    """Tokens of a prompt."""

    prompt: int
    read: int
    """From the cache."""
    left: int
    """In the cache afterwards: up to the last breakpoint."""
    lifetime_s: int | None
    """Of what was written last; None: nothing was."""


class Turn(Struct, frozen=True, kw_only=True):
    """What is known of an exchange; `figures` is None while it is not whole, or used no prompt."""

    id: UUID
    domain: str
    account_id: str | None
    model: str | None
    client: str | None
    session_id: str | None
    conversation_id: UUID | None
    link_kind: str | None
    parent_id: UUID | None
    retry_of: UUID | None
    serves_id: UUID | None
    started_at: datetime
    readable_at: datetime
    chain: bytes | None
    depth: int
    """Messages of the request."""
    system: bytes | None
    tools: bytes | None
    figures: Figures | None

    @property
    def whose(self) -> str:
        """Whose cache it is; without a known account that of the domain."""
        return f"account {self.account_id}" if self.account_id else f"domain {self.domain}"

    @property
    def scope(self) -> int:
        """The same for all that begin with the same tools and system prompt on one account and model."""
        parts = (self.whose.encode(), (self.model or "").encode(), self.tools or b"", self.system or b"")
        digest = blake2b(digest_size=8)
        for part in parts:
            digest.update(len(part).to_bytes(4, "big") + part)
        return int.from_bytes(digest.digest(), "big", signed=True)

    @property
    def follows(self) -> bool:
        """Whether it sends the history of another again."""
        return self.link_kind in _FOLLOWING

    @property
    def is_source(self) -> bool:
        """Whether it tells how much all read at first that begin like it: it read that, and wrote what is its own.

        Who began with a whole history read more than others share.
        """
        known = self.figures
        begins = self.link_kind in _BEGINNING and self.depth <= _SHORT
        return known is not None and begins and 0 < known.read < known.left

    @property
    def before(self) -> list[UUID]:
        """Whom it may follow, the likeliest first."""
        return [number for number in (self.retry_of, self.parent_id, self.serves_id) if number]


def turn_of(row: Mapping[str, Any]) -> Turn:
    """From a row of `statements.TURNS`."""
    begun = row["first_byte_ms"] if row["first_byte_ms"] is not None else row["duration_ms"]
    return Turn(
        id=UUID(int=row["id"].int),
        domain=row["domain"],
        account_id=row["account_id"],
        model=row["model"],
        client=client_of(row["client"]),
        session_id=row["session_id"],
        conversation_id=_plain(row["conversation_id"]),
        link_kind=row["link_kind"],
        parent_id=_plain(row["parent_id"]),
        retry_of=_plain(row["retry_of"]),
        serves_id=_plain(row["serves_id"]),
        started_at=row["started_at"],
        readable_at=row["started_at"] + timedelta(milliseconds=begun or 0),
        chain=row["chain"],
        depth=row["depth"] or 0,
        system=row["system"],
        tools=row["tools"],
        figures=_figures(row),
    )


def client_of(agent: str | None) -> str | None:
    """Name and version of a client: what its user-agent begins with."""
    words = (agent or "").replace("\0", "").split()
    length = 2 if len(words) > 1 and words[1][0].isdigit() else 1
    return " ".join(words[:length])[:_CLIENT] or None


def _plain(number: UUID | None) -> UUID | None:
    return UUID(int=number.int) if number else None


def _figures(row: Mapping[str, Any]) -> Figures | None:
    if not row["is_whole"] or row["chain"] is None:
        return None
    runs = _runs(row["raw"]) or [
        Tokens(
            input=row["input_tokens"],
            cache_read=row["cache_read_tokens"],
            cache_creation_5m=row["cache_creation_5m_tokens"],
            cache_creation_1h=row["cache_creation_1h_tokens"],
        )
    ]
    first, last = runs[0], runs[-1]
    if not first.prompt:
        return None
    left = last.cache_read + last.cache_creation
    return Figures(first.prompt, first.cache_read, left, _lifetime(last))


def _runs(raw: Mapping[str, Any] | None) -> Sequence[Tokens]:
    """The runs of a call that took several: each one's prompt is longer than the one's before."""
    listed = [one for one in (raw or {}).get("iterations", []) if isinstance(one, dict)]
    answering = [one for one in listed if one.get("type") not in _BESIDE]
    return [parse({**one, "iterations": None}).tokens for one in answering]


def _lifetime(run: Tokens) -> int | None:
    if run.cache_creation_5m:  # what lives longer must stand before what lives shorter
        return MINUTES_S
    return HOUR_S if run.cache_creation_1h else None
