"""Exchanges as lists show them, without their bodies."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from functools import partial
from typing import Final
from uuid import UUID

import asyncpg
from msgspec import Struct, structs

from plait.common.buckets import Span
from plait.common.events import Fault
from plait.common.queries.identity import resolve
from plait.common.queries.matching import words_of
from plait.common.queries.named import statements
from plait.common.queries.paging import WHOLE_LIST, Counts, Cursor, Listed, Page, Reader, paginate
from plait.common.queries.usage import UsageFilter, count_requests

_SQL: Final = statements("exchanges")
_FILTERS: Final = (
    "id", "conversation", "domain", "account", "session", "kind", "other_kind", "model", "status", "refusal", "outcome",
    "trouble", "running", "since", "until",
)  # fmt: skip
_INDEXES: Final = ("session_index", "model_index")
"""The same filters once more, as indexes have them; the planner would take them for others that let fewer through."""
LOOKED_THROUGH: Final = 20_000
"""Exchanges whose texts a page with words looks through; a cursor leads to those before."""
MAIN_KIND: Final = "inference"
"""Nearly all are of this kind: no index has them by it."""
_GOOD: Final = 200
_ID_LENGTH: Final = 36
_WALKED: Final = 1000
"""Exchanges looked up at a time by who walks through all of them."""
_NO_FILTER: Final[dict[str, object]] = dict.fromkeys((*_FILTERS, *_INDEXES))
_NOT_SUMMED: Final = ("conversation_id", "session_id", "status", "outcome")
_BEGINNING: Final = datetime(1970, 1, 1, tzinfo=UTC)
_COUNTS: Final = Counts(count=_SQL["count"], matching=_SQL["matching"], hints=_INDEXES)


class ExchangeFilter(Struct, frozen=True, kw_only=True):
    """Which exchanges; what is None does not matter."""

    domain: str | None = None
    account_id: str | None = None
    conversation_id: UUID | None = None
    """Its id, or any id that was ever one of the conversation's."""
    session_id: str | None = None
    kind: str | None = None
    model: str | None = None
    status: int | None = None
    """HTTP status."""
    outcome: str | None = None
    running: bool = False
    """Only those that have not ended."""
    since: datetime | None = None
    """Began at this moment or later."""
    until: datetime | None = None
    """Began before this moment."""
    q: str | None = None
    """Contained, in any case, in the preview, path, model or id; a whole id means that exchange. For lists alone."""


class ExchangeSummary(Struct, frozen=True, kw_only=True, rename="camel"):
    """An exchange as lists show it."""

    request_id: UUID
    domain: str
    account_id: str | None
    session_id: str | None
    agent_id: str | None
    kind: str | None
    """linking.md, "Words"."""
    side_kind: str | None
    """Of an auxiliary exchange: title, classifier, web_search, suggestion, …"""
    model: str | None
    timestamp: datetime
    """When the request arrived."""
    method: str
    path: str
    status: int | None
    """HTTP status that the client got; null while running."""
    outcome: str | None
    """linking.md, "Outcome"; null while running."""
    streamed: bool | None
    input_tokens: int
    """Neither read from the cache nor written to it. All counters are 0 where no usage was reported (yet)."""
    output_tokens: int
    cache_read_input_tokens: int
    cache_creation_input_tokens: int
    total_tokens: int
    """Input, output, cache reads and cache writes together: everything the model worked through."""
    cost_usd: float | None
    """Dollars; null: no usage was reported, or the price of its model is not known."""
    subscription: bool
    """Paid by a subscription: `costUsd` is what it would have cost."""
    duration_ms: float | None
    first_token_ms: float | None
    message_count: int
    """Messages in the request."""
    tool_call_count: int
    """Tool calls in the answer."""
    conversation_id: UUID | None
    branch_id: str | None
    parent_request_id: UUID | None
    link_kind: str | None
    """linking.md, "Words"; null for side calls."""
    request_type: str | None
    retry_of: UUID | None
    serves_request_id: UUID | None
    """Of a side call: the exchange that it served."""
    is_subtask: bool
    parent_task_request_id: UUID | None
    """The exchange whose answer called the sub-agent that this one belongs to."""
    tag: str | None
    key_name: str | None
    preview: str | None
    """What the exchange is in one line: its prompt or tool, at most 200 characters."""
    error: Fault | None
    """Why it did not end `complete`."""


async def list_exchanges(db: Reader, where: ExchangeFilter, page: Page) -> Listed[ExchangeSummary]:
    """A page of the exchanges that match, newest first.

    With words (`q`) it may hold less than there is and yet not be the last: its cursor leads on.
    """
    values = await _values(db, where)
    if where.q and values["id"] is None:
        return await _look_through(db, where.q, page, values)
    sql, arguments = _SQL["page"].bind({**values, **page.values})
    found = [_summary(record) for record in await db.fetch(sql, *arguments)]
    return await paginate(db, page, found, _place, _counts(db, where), values)


async def list_of_conversation(db: Reader, conversation_id: UUID) -> list[ExchangeSummary]:
    """All exchanges that carry a conversation's id, oldest first."""
    sql, arguments = _SQL["page"].bind({**_NO_FILTER, **WHOLE_LIST, "conversation": conversation_id})
    return [_summary(record) for record in reversed(await db.fetch(sql, *arguments))]


async def get_summary(db: Reader, exchange_id: UUID) -> ExchangeSummary | None:
    """One exchange without its bodies; None if there is no such."""
    sql, arguments = _SQL["page"].bind({**_NO_FILTER, **WHOLE_LIST, "id": exchange_id})
    record = await db.fetchrow(sql, *arguments)
    return _summary(record) if record else None


async def count_all(db: Reader, where: ExchangeFilter) -> int:
    """How many exchanges match: exact, and so not quick."""
    sql, arguments = _SQL["count_all"].bind(await _values(db, where))
    found: int = await db.fetchval(sql, *arguments)
    return found


async def walk(db: Reader, where: ExchangeFilter) -> AsyncIterator[tuple[UUID, int]]:
    """The ids of all exchanges that match, oldest first, and the bytes of their bodies as received.

    Those that begin after the walk passed their time are not seen; no transaction is held between two steps.
    """
    values = {**await _values(db, where), "limit": _WALKED, "after_time": None, "after_id": None}
    while True:
        sql, arguments = _SQL["walk"].bind(values)
        found = await db.fetch(sql, *arguments)
        for row in found:
            yield UUID(int=row["id"].int), row["size"]
        if len(found) < _WALKED:
            return
        values |= {"after_time": found[-1]["started_at"], "after_id": found[-1]["id"]}


async def _look_through(db: Reader, words: str, page: Page, values: dict[str, object]) -> Listed[ExchangeSummary]:
    asked = {**values, **page.values, **words_of(words), "looked": LOOKED_THROUGH}
    sql, arguments = _SQL["found"].bind(asked)
    found = [_summary(record) for record in await db.fetch(sql, *arguments)]
    sql, arguments = _SQL["reach"].bind(asked)
    reach = await db.fetchrow(sql, *arguments)
    listed = await paginate(db, page, found, _place, Counts(count=_SQL["count_found"]), asked)
    if reach is None:
        return listed
    place = listed.pagination
    onward = place.next_cursor or str(Cursor(reach["started_at"], reach["id"]))
    return structs.replace(
        listed, pagination=structs.replace(place, total_is_estimate=True, has_more=True, next_cursor=onward)
    )


def _counts(db: Reader, where: ExchangeFilter) -> Counts:
    """Sums tell how many there are by some of the filters."""
    if where.q or where.running or any(getattr(where, name) is not None for name in _NOT_SUMMED):
        return _COUNTS
    span = Span(where.since or _BEGINNING, where.until)
    if span.until is not None and span.until <= span.since:
        return _COUNTS
    summed = UsageFilter(domain=where.domain, account_id=where.account_id, kind=where.kind, model=where.model)
    return structs.replace(_COUNTS, summed=partial(count_requests, db, span, summed))


async def _values(db: Reader, where: ExchangeFilter) -> dict[str, object]:
    wanted = where.conversation_id
    return {
        **_NO_FILTER,
        "conversation": wanted and (await resolve(db, wanted) or wanted),
        "domain": where.domain,
        "account": where.account_id,
        "session": where.session_id,
        "session_index": where.session_id,
        "id": _whole_id(where.q),
        "kind": where.kind if where.kind == MAIN_KIND else None,
        "other_kind": where.kind if where.kind != MAIN_KIND else None,
        "model": where.model,
        "model_index": where.model,
        "status": where.status if where.status == _GOOD else None,
        "refusal": where.status if where.status != _GOOD else None,
        "outcome": where.outcome if where.outcome == "complete" else None,
        "trouble": where.outcome if where.outcome != "complete" else None,
        "running": where.running or None,
        "since": where.since,
        "until": where.until,
    }


def _whole_id(words: str | None) -> UUID | None:
    try:
        return UUID(words) if words and len(words) == _ID_LENGTH else None
    except ValueError:
        return None


def _place(row: ExchangeSummary) -> Cursor:
    return Cursor(row.timestamp, row.request_id)


def _summary(record: asyncpg.Record) -> ExchangeSummary:
    fields = dict(record)
    kind, message = fields.pop("error_type"), fields.pop("error_message")
    return ExchangeSummary(**fields, error=Fault(kind, message or "") if kind else None)
