"""In which order a conversation is told, and what stands above each part. Pure."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Final

from msgspec import Struct

from plait.common.queries.conversations import Branch, Conversation
from plait.common.queries.exchanges import ExchangeSummary
from plait.common.queries.transcript import Teller, Turn

SIDE_CALLS: Final = "side calls"
"""The heading over what serves the conversation and is no part of its tree: titles, classifiers, counts of tokens."""


class Chapter(Struct, frozen=True):
    """A branch, or the side calls."""

    heading: str
    branch: Branch | None
    exchanges: list[ExchangeSummary]


def chapters(conversation: Conversation) -> list[Chapter]:
    """The branches in the order in which they were opened, then the side calls."""
    tree = [one for one in conversation.requests if one.link_kind is not None]
    told = [
        Chapter(branch.branch_id, branch, [one for one in tree if one.branch_id == branch.branch_id])
        for branch in conversation.branches
    ]
    told.append(Chapter(SIDE_CALLS, None, [one for one in conversation.requests if one.link_kind is None]))
    return [chapter for chapter in told if chapter.exchanges]


async def turns(teller: Teller, told: Sequence[Chapter]) -> AsyncIterator[tuple[Chapter | None, Turn]]:
    """All turns in order; the first of a chapter comes with it."""
    chapter_of = {one.request_id: chapter for chapter in told for one in chapter.exchanges}
    current: Chapter | None = None
    async for turn in teller.tell([one for chapter in told for one in chapter.exchanges]):
        chapter = chapter_of[turn.exchange.request_id]
        yield (chapter if chapter is not current else None), turn
        current = chapter


def summary_of(conversation: Conversation) -> list[tuple[str, str]]:
    """What is known of the whole, as names and values."""
    return [
        ("Conversation", str(conversation.conversation_id)),
        ("Domain", conversation.domain),
        ("Account", conversation.account_id or "none"),
        ("Sessions", ", ".join(conversation.session_ids) or "none"),
        ("From", f"{conversation.first_message_time:%Y-%m-%d %H:%M:%S} UTC"),
        ("To", f"{conversation.last_message_time:%Y-%m-%d %H:%M:%S} UTC"),
        ("Models", ", ".join(conversation.models_used) or "none"),
        ("Exchanges", f"{conversation.request_count:,}"),
        ("Tokens", f"{conversation.total_tokens:,}"),
        ("Cost", "not priced" if conversation.cost_usd is None else f"${conversation.cost_usd:,.4f}"),
    ]


def opening_of(chapter: Chapter) -> str:
    """Where a branch leaves another one; empty where it does not."""
    parent = chapter.branch.parent_request_id if chapter.branch else None
    return f"leaves exchange {parent}" if parent else ""


def facts_of(one: ExchangeSummary) -> str:
    """An exchange in one line."""
    facts: Sequence[str | None] = (
        f"{one.timestamp:%Y-%m-%d %H:%M:%S} UTC",
        one.side_kind or one.kind,
        one.link_kind,
        one.model,
        "running" if one.outcome is None else one.outcome,
        f"{one.total_tokens:,} tokens" if one.total_tokens else None,
        f"{one.duration_ms / 1000:.1f} s" if one.duration_ms is not None else None,
        f"{one.error.type}: {one.error.message}" if one.error else None,
    )
    return " · ".join(fact for fact in facts if fact)
