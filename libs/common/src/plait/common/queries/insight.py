"""A branch with all that was said on it, for who makes something of it: an analysis."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from msgspec import Struct

from plait.common.queries.conversations import Conversation, get_conversation
from plait.common.queries.exchanges import ExchangeSummary
from plait.common.queries.paging import Reader
from plait.common.queries.transcript import Teller, Turn


class SubTask(Struct, frozen=True, kw_only=True):
    """What a sub-agent did, in figures: what it was asked and brought back stands in its call and the result."""

    branch_id: str
    parent_request_id: UUID
    """The exchange whose answer called it."""
    request_count: int
    total_tokens: int
    failed_count: int
    """Of its exchanges, those that did not end well."""


class BranchRecord(Struct, frozen=True, kw_only=True):
    """A branch of a conversation. Side calls, which are no part of the tree, are left out."""

    conversation_id: UUID
    branch_id: str
    turns: list[Turn]
    """Its exchanges, oldest first. The first tells the whole history that it was sent with."""
    subtasks: list[SubTask]

    @property
    def exchanges(self) -> list[ExchangeSummary]:
        """Its exchanges, oldest first."""
        return [turn.exchange for turn in self.turns]


async def get_branch(db: Reader, conversation_id: UUID, branch_id: str) -> BranchRecord | None:
    """One branch by its conversation, under any id that this answers with, and its name; None: no such."""
    conversation = await get_conversation(db, conversation_id)
    if conversation is None:
        return None
    exchanges = [one for one in conversation.requests if one.branch_id == branch_id and one.link_kind is not None]
    turns = [turn async for turn in Teller(db).tell(exchanges)]
    if not turns:
        return None
    return BranchRecord(
        conversation_id=conversation.conversation_id,
        branch_id=branch_id,
        turns=turns,
        subtasks=_subtasks(conversation, {one.request_id for one in exchanges}),
    )


def _subtasks(conversation: Conversation, callers: set[UUID]) -> list[SubTask]:
    spawned = [one for one in conversation.requests if one.link_kind == "spawn"]
    return [
        _subtask(
            first, first.parent_request_id, [one for one in conversation.requests if one.branch_id == first.branch_id]
        )
        for first in spawned
        if first.parent_request_id in callers
    ]


def _subtask(first: ExchangeSummary, caller: UUID, exchanges: Sequence[ExchangeSummary]) -> SubTask:
    return SubTask(
        branch_id=first.branch_id or "",
        parent_request_id=caller,
        request_count=len(exchanges),
        total_tokens=sum(one.total_tokens for one in exchanges),
        failed_count=sum(one.outcome not in (None, "complete") for one in exchanges),
    )
