"""Tools: how often they are called, how long they take, and what becomes of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from msgspec import Struct

from plait.common.buckets import SLOT, Span, floor
from plait.common.queries.identity import resolve
from plait.common.queries.named import statements
from plait.common.queries.paging import Reader
from plait.common.queries.scope import Scoped
from plait.common.queries.tiers import ENDLESS, TOOL_FACETS, reach

_SQL: Final = statements("tools")
_BEGINNING: Final = datetime(1970, 1, 1, tzinfo=UTC)


class ToolUse(Struct, frozen=True, kw_only=True, rename="camel"):
    """The calls of one tool; each once, however often its history was sent again."""

    tool: str
    calls: int
    results: int
    """Calls whose result came back."""
    errors: int
    """Results that were errors."""
    error_rate: float | None
    """Of the results; null: there is none yet."""
    average_ms: float | None
    """From the call to its result, with the time people took to allow it."""
    lines_added: int
    """By calls that edit, and did not fail."""
    lines_removed: int


async def list_tools(
    db: Reader,
    span: Span | None = None,
    *,
    domain: str | None = None,
    account_id: str | None = None,
    conversation_id: UUID | None = None,
) -> list[ToolUse]:
    """The tools that were called, the most used first.

    Over all conversations the slots that the span cuts count whole; of one conversation each call is looked at.
    """
    if conversation_id is None:
        rows = await read_calls(db, "by_tool", span or Span(_BEGINNING), domain=domain, account_id=account_id)
        return [_tool(row) for row in rows]
    since, until = (span.since, span.until) if span else (None, None)
    known = await resolve(db, conversation_id) or conversation_id
    values = {"since": since, "until": until, "domain": domain, "account": account_id, "conversation": known}
    sql, arguments = _SQL["of_conversation"].bind(values)
    return [_tool(dict(row)) for row in await db.fetch(sql, *arguments)]


async def read_calls(
    db: Reader, name: str, span: Span, *, domain: str | None, account_id: str | None, starts: Sequence[datetime] = ()
) -> list[dict[str, Any]]:
    """The rows of a statement of `tools.sql` over the slots of a span, those that it cuts too."""
    first, last = floor(span.since), ENDLESS if span.until is None else _slot_end(span.until)
    filters = {"domain": domain, "account": account_id}
    needed = {"tool", *(field for field, value in filters.items() if value is not None)}
    if isinstance(db, Scoped):
        needed.add("domain")  # totals without a domain are not shown to who sees some domains alone
    served = reach(Span(first, last), needed, facets=TOOL_FACETS, cuts=starts[1:])
    bounds = {"first": first, "last": last, "starts": list(starts)}
    sql, arguments = _SQL[name].bind({**bounds, **served.values, **filters})
    return [dict(row) for row in await db.fetch(sql, *arguments)]


def _slot_end(until: datetime) -> datetime:
    begin = floor(until)
    return begin if begin == until or until > ENDLESS - SLOT else begin + SLOT


async def count_errors(db: Reader, conversation_id: UUID) -> dict[UUID, int]:
    """Results of tools that were errors, by the exchange whose request brought them."""
    known = await resolve(db, conversation_id) or conversation_id
    sql, arguments = _SQL["errors_of_conversation"].bind({"conversation": known})
    return {UUID(int=row["returned_in"].int): row["errors"] for row in await db.fetch(sql, *arguments)}


def _tool(row: dict[str, Any]) -> ToolUse:
    waited, results = row.pop("waited_ms"), row["results"]
    return ToolUse(
        **row,
        error_rate=round(row["errors"] / results, 4) if results else None,
        average_ms=round(waited / results, 1) if results else None,
    )
