"""What a domain did in a day."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

import asyncpg

from plait.common.buckets import Span
from plait.common.outbox import Connection
from plait.common.queries.usage import Counters, UsageFilter, sum_usage
from plait.notifier import statements
from plait.notifier.composing.desk import Desk
from plait.notifier.notice import Notice
from plait.notifier.wording import dollars, one_line

_TOP: Final = 5


async def make(connection: Connection, row: asyncpg.Record, number: str, desk: Desk) -> Notice | None:
    """See `Composer.compose`. A day without requests is not told."""
    since, until = (datetime.fromisoformat(row["subject"][name]) for name in ("since", "until"))
    sums = await sum_usage(connection, Span(since, until), UsageFilter(domain=row["domain"]))
    if not sums.requests:
        return None
    domain = row["domain"]
    busiest = await connection.fetch(statements.BUSIEST, domain, since, until)
    errors = await connection.fetch(statements.ERRORS, domain, since, until)
    day = f"{since.astimezone(desk.settings.zone):%A, %-d %B %Y}"
    title = f"{row['domain']} on {day}: {_count(sums.requests, 'request')}{_cost(sums)}"
    return Notice(
        id=number,
        kind="digest",
        domain=row["domain"],
        at=row["happened_at"],
        title=title,
        sections=tuple(filter(None, [_figures(domain, day, sums, len(busiest)), _top(busiest, desk), _faults(errors)])),
        footer=(row["domain"], f"time zone {desk.settings.notify_time_zone}"),
        link=desk.page("Open the usage", "usage"),
        facts={
            "since": since.isoformat(),
            "until": until.isoformat(),
            "requests": sums.requests,
            "conversations": len(busiest),
            "totalTokens": sums.total_tokens,
            "costUsd": sums.cost_usd,
            "unpricedRequests": sums.unpriced_requests,
            "errors": {one["type"]: one["count"] for one in errors},
            "topConversations": [_conversation(one, desk) for one in busiest[:_TOP]],
        },
    )


def _figures(domain: str, day: str, sums: Counters, conversations: int) -> str:
    cached = sums.cache_read_input_tokens + sums.cache_creation_input_tokens
    told_in = f"{sums.input_tokens + cached:,} in (cached: {sums.cache_read_input_tokens:,})"
    lines = [
        f":bar_chart: {domain} on {day}",
        f"{_count(sums.requests, 'request')} in {_count(conversations, 'conversation')}{_cost(sums)}",
        f"{sums.total_tokens:,} tokens: {told_in}, {sums.output_tokens:,} out",
    ]
    return "\n".join(lines)


def _cost(sums: Counters) -> str:
    if sums.cost_usd is None:
        return ""
    unknown = f" and {_count(sums.unpriced_requests, 'request')} of unknown price" if sums.unpriced_requests else ""
    return f", {dollars(Decimal(str(sums.cost_usd)))}{unknown}"


def _top(busiest: Sequence[asyncpg.Record], desk: Desk) -> str:
    lines = [
        f"{place}. {one_line(desk.masked(one['title'] or 'Untitled conversation'), 80)}: "
        f"{_count(one['requests'], 'request')}, {one['tokens']:,} tokens"
        + (f", {dollars(one['cost_usd'])}" if one["cost_usd"] is not None else "")
        for place, one in enumerate(busiest[:_TOP], start=1)
    ]
    return "\n".join(["Top conversations", *lines]) if lines else ""


def _faults(errors: Sequence[asyncpg.Record]) -> str:
    if not errors:
        return "No errors"
    kinds = ", ".join(f"{one['count']:,} {one_line(one['type'], 60)}" for one in errors)
    return f":x: {_count(sum(one['count'] for one in errors), 'error')}: {kinds}"


def _conversation(one: asyncpg.Record, desk: Desk) -> dict[str, Any]:
    title = desk.masked(one["title"] or "")
    cost = one["cost_usd"]
    return {
        "conversationId": one["id"],
        "title": title,
        "requests": one["requests"],
        "tokens": one["tokens"],
        "costUsd": cost,
    }


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
