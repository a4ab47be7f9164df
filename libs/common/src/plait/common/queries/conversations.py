"""Conversations: lists of them, and one with its exchanges and branches."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final, Literal
from uuid import UUID

from msgspec import Struct

from plait.common.queries.exchanges import ExchangeSummary, list_of_conversation
from plait.common.queries.identity import resolve
from plait.common.queries.matching import words_of
from plait.common.queries.named import statements
from plait.common.queries.paging import WHOLE_LIST, Counts, Cursor, Listed, Page, Reader, paginate

_SQL: Final = statements("conversations")
_NO_FILTER: Final[dict[str, object]] = dict.fromkeys(
    ("id", "ids", "domain", "account", "session", "since", "until", "words", "id_words", "told", "model", "shape")
)
_KINDS: Final = {"subtask": "subtask", "compact": "compact", "branch": "user"}
"""Kinds of branches by how their names begin (linking.md, "Names")."""
_COUNTS: Final = Counts(count=_SQL["count"], matching=_SQL["matching"])


Shape = Literal["user", "subtask", "compact"]
"""Kinds of branches beside the main one."""


class ConversationFilter(Struct, frozen=True, kw_only=True):
    """Which conversations; what is None does not matter."""

    domain: str | None = None
    account_id: str | None = None
    session_id: str | None = None
    """One of its sessions."""
    date_from: datetime | None = None
    """Still active at this moment or later."""
    date_to: datetime | None = None
    """Begun before this moment."""
    q: str | None = None
    """Contained, in any case, in the title or id."""
    told: Sequence[UUID] = ()
    """With `q`: conversations that match it though their title and id do not, such as those in which it was said."""
    model: str | None = None
    """One of the models that answered."""
    shape: Shape | None = None
    """It has branches of this kind."""


class ConversationSummary(Struct, frozen=True, kw_only=True, rename="camel"):
    """A conversation as lists show it."""

    conversation_id: UUID
    title: str | None
    domain: str
    account_id: str | None
    session_ids: list[str]
    first_message_time: datetime
    last_message_time: datetime
    request_count: int
    """Exchanges that carry its id, side calls and retries too."""
    failed_count: int
    """Those of them that ended `failed`, `interrupted` or `rejected`."""
    message_count: int
    """Messages on the longest way through it, with the answer at its end."""
    total_tokens: int
    """All kinds of tokens of all exchanges that carry its id."""
    cost_usd: float | None
    """Dollars, of the same exchanges; null: of none of them is the price known."""
    unpriced_count: int
    """Exchanges that used something at a price that is not known: `costUsd` is without them."""
    branch_count: int
    """All branches, `main` too."""
    subtask_branch_count: int
    compact_branch_count: int
    user_branch_count: int
    models_used: list[str]
    root_request_id: UUID
    latest_request_id: UUID
    latest_model: str | None
    latest_context_tokens: int
    """How long the latest prompt was: its input, cache reads and cache writes."""


class Branch(Struct, frozen=True, kw_only=True, rename="camel"):
    """A named path in a conversation."""

    branch_id: str
    kind: str
    """main, user (a branch or fork that someone opened), subtask or compact."""
    parent_request_id: UUID | None
    """Where it leaves another branch; null for `main`."""
    request_count: int
    total_tokens: int
    first_time: datetime
    last_time: datetime


class Conversation(ConversationSummary, frozen=True, kw_only=True, rename="camel"):
    """A conversation with everything that belongs to it."""

    requests: list[ExchangeSummary]
    """In time order, side calls too."""
    branches: list[Branch]
    """In the order in which they were opened."""


async def list_conversations(db: Reader, where: ConversationFilter, page: Page) -> Listed[ConversationSummary]:
    """A page of the conversations that match, the one with the latest activity first."""
    values = values_of(where)
    sql, arguments = _SQL["page"].bind({**values, **page.values})
    found = [ConversationSummary(**record) for record in await db.fetch(sql, *arguments)]
    return await paginate(db, page, found, _place, _COUNTS, values)


async def read_conversations(db: Reader, ids: Sequence[UUID]) -> list[ConversationSummary]:
    """Conversations by their ids, in the same order; those that are there no more are left out."""
    sql, arguments = _SQL["page"].bind({**_NO_FILTER, **WHOLE_LIST, "ids": list(ids)})
    found = {row["conversation_id"]: ConversationSummary(**row) for row in await db.fetch(sql, *arguments)}
    return [found[number] for number in ids if number in found]


async def get_conversation(db: Reader, conversation_id: UUID) -> Conversation | None:
    """One conversation by its id, or by any id that an exchange of it would have had as a root; None: no such."""
    known = await resolve(db, conversation_id)
    if known is None:
        return None
    sql, arguments = _SQL["page"].bind({**_NO_FILTER, **WHOLE_LIST, "id": known})
    record = await db.fetchrow(sql, *arguments)
    if record is None:
        return None
    exchanges = await list_of_conversation(db, known)
    return Conversation(**record, requests=exchanges, branches=branches_of(exchanges))


def branches_of(exchanges: Sequence[ExchangeSummary]) -> list[Branch]:
    """The branches that a conversation's exchanges, given oldest first, are on; oldest first.

    Side calls that carry a branch's name are counted with it; its parent is that of its first exchange in the tree.
    """
    found: dict[str, list[ExchangeSummary]] = {}
    for one in exchanges:
        if one.branch_id is not None:
            found.setdefault(one.branch_id, []).append(one)
    return sorted((_branch(*each) for each in found.items()), key=lambda branch: (branch.first_time, branch.branch_id))


def _branch(name: str, exchanges: Sequence[ExchangeSummary]) -> Branch:
    first = next((one for one in exchanges if one.link_kind is not None), None)
    return Branch(
        branch_id=name,
        kind=_KINDS.get(name.partition("_")[0], "main"),
        parent_request_id=first.parent_request_id if first else None,
        request_count=len(exchanges),
        total_tokens=sum(one.total_tokens for one in exchanges),
        first_time=exchanges[0].timestamp,
        last_time=exchanges[-1].timestamp,
    )


def _place(row: ConversationSummary) -> Cursor:
    return Cursor(row.last_message_time, row.conversation_id)


def values_of(where: ConversationFilter) -> dict[str, object]:
    """Parameters of the statements that find them."""
    return {
        **_NO_FILTER,
        "domain": where.domain,
        "account": where.account_id,
        "session": where.session_id,
        "since": where.date_from,
        "until": where.date_to,
        **words_of(where.q),
        "told": list(where.told),
        "model": where.model,
        "shape": where.shape,
    }
