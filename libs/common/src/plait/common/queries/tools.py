"""Tools: how often they are called, how long they take, and what becomes of it."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from msgspec import Struct

from plait.common.buckets import Span
from plait.common.queries.identity import resolve
from plait.common.queries.named import statements
from plait.common.queries.paging import Reader

_SQL: Final = statements("tools")


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
    since, until = (span.since, span.until) if span else (None, None)
    values: dict[str, Any] = {"since": since, "until": until, "domain": domain, "account": account_id}
    if conversation_id is None:
        sql, arguments = _SQL["by_tool"].bind(values)
    else:
        known = await resolve(db, conversation_id) or conversation_id
        sql, arguments = _SQL["of_conversation"].bind({**values, "conversation": known})
    return [_tool(dict(row)) for row in await db.fetch(sql, *arguments)]


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
