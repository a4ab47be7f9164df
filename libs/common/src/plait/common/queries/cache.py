"""What could have been read from the provider's prompt cache and was not, and why."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, Literal
from uuid import UUID
from zoneinfo import ZoneInfo

from msgspec import Struct

from plait.common.buckets import Span
from plait.common.queries.identity import resolve
from plait.common.queries.named import statements
from plait.common.queries.paging import Reader
from plait.common.queries.usage import UsageFilter, sum_usage

_SQL: Final = statements("cache")

_DIGITS: Final = 10
"""Of dollars: beyond these, sums of binary fractions tell nothing."""

CacheKey = Literal["day", "domain", "account", "model", "client", "session", "conversation"]
"""Things that misses can be split by; causes come always."""


class CacheFilter(Struct, frozen=True, kw_only=True):
    """What counts; what is None does not matter."""

    domain: str | None = None
    account_id: str | None = None
    model: str | None = None
    client: str | None = None
    conversation_id: UUID | None = None
    session_id: str | None = None


class CacheFinding(Struct, frozen=True, kw_only=True, rename="camel"):
    """What a turn could have read from the cache, and what it read."""

    cause: str | None
    """Why less was read; null: nothing was missed. `first_use`: there was nothing to be read."""
    expected_tokens: int | None
    """What the turn before left in the cache, as far as it is of use here; null: nothing was there."""
    reusable_tokens: int
    """What of this prompt, as it was sent, could have been read."""
    read_tokens: int
    missed_tokens: int
    """Expected and not read."""
    cost_usd: float | None
    """What the miss cost more than reading; null where nothing was missed, or a price is not known."""
    reference_request_id: UUID | None
    """The turn whose cache it could have read."""
    message_index: int | None
    """Of cause `message`: the first message that is another, from 0; null: too far back to tell."""
    message_change: str | None
    """edited, dropped or inserted."""
    idle_seconds: float | None
    """Since the cache was last used."""
    lifetime_seconds: int | None
    """Of what this turn wrote to the cache; null: nothing."""


class CacheMiss(CacheFinding, frozen=True, kw_only=True, rename="camel"):
    """A turn that read less than it could have."""

    request_id: UUID
    conversation_id: UUID | None
    session_id: str | None
    domain: str
    account_id: str | None
    model: str | None
    client: str | None
    timestamp: datetime


class CacheSum(Struct, frozen=True, kw_only=True, rename="camel"):
    """The misses of one cause, day, domain, …"""

    key: str | None
    misses: int
    missed_tokens: int
    cost_usd: float | None
    """Of those whose price is known; null where none is."""
    unpriced_misses: int


class CacheTotals(Struct, frozen=True, kw_only=True, rename="camel"):
    """All misses, beside what was sent and read."""

    misses: int
    missed_tokens: int
    cost_usd: float
    unpriced_misses: int
    prompt_tokens: int | None
    """Of all prompts; null where a client is asked for, outside of a conversation or session."""
    read_tokens: int | None
    """Of these read from the cache."""


async def sum_misses_by_cause(db: Reader, span: Span, where: CacheFilter) -> list[CacheSum]:
    """The misses of each cause, the dearest first."""
    return await _sums(db, "by_cause", await _values(db, span, where))


async def sum_misses(
    db: Reader, key: CacheKey, span: Span, where: CacheFilter, *, zone: ZoneInfo, limit: int
) -> list[CacheSum]:
    """One row a key: days in order (those without a miss are left out), the rest the dearest first."""
    found = await _sums(db, f"by_{key}", {**await _values(db, span, where), "zone": zone.key, "limit": limit})
    return sorted(found, key=lambda row: row.key or "") if key == "day" else found


async def list_dearest(db: Reader, span: Span, where: CacheFilter, *, limit: int) -> list[CacheMiss]:
    """The dearest misses."""
    sql, arguments = _SQL["dearest"].bind({**await _values(db, span, where), "limit": limit})
    return [CacheMiss(**_figures(dict(row))) for row in await db.fetch(sql, *arguments)]


async def total_misses(db: Reader, span: Span, where: CacheFilter, causes: list[CacheSum]) -> CacheTotals:
    """The sums of all causes, and what was sent and read."""
    sent, read = await _prompts(db, span, where)
    return CacheTotals(
        misses=sum(one.misses for one in causes),
        missed_tokens=sum(one.missed_tokens for one in causes),
        cost_usd=round(sum(one.cost_usd or 0 for one in causes), _DIGITS),
        unpriced_misses=sum(one.unpriced_misses for one in causes),
        prompt_tokens=sent,
        read_tokens=read,
    )


async def get_finding(db: Reader, exchange_id: UUID) -> CacheFinding | None:
    """What is found of one exchange; None where it is no turn, or not looked at yet."""
    sql, arguments = _SQL["finding"].bind({"id": exchange_id})
    row = await db.fetchrow(sql, *arguments)
    return CacheFinding(**_figures(dict(row))) if row else None


async def _prompts(db: Reader, span: Span, where: CacheFilter) -> tuple[int | None, int | None]:
    if where.conversation_id or where.session_id:
        sql, arguments = _SQL["prompts"].bind(await _values(db, span, where))
        row = await db.fetchrow(sql, *arguments)
        return (row["prompt_tokens"], row["read_tokens"]) if row else (0, 0)
    if where.client:
        return None, None
    used = await sum_usage(db, span, UsageFilter(domain=where.domain, account_id=where.account_id, model=where.model))
    return used.total_tokens - used.output_tokens, used.cache_read_input_tokens


async def _values(db: Reader, span: Span, where: CacheFilter) -> dict[str, Any]:
    asked = where.conversation_id
    return {
        "since": span.since, "until": span.until, "domain": where.domain, "account": where.account_id,
        "model": where.model, "client": where.client, "session": where.session_id,
        "conversation": (await resolve(db, asked) or asked) if asked else None,
    }  # fmt: skip


async def _sums(db: Reader, name: str, values: Mapping[str, Any]) -> list[CacheSum]:
    sql, arguments = _SQL[name].bind(values)
    return [CacheSum(**_figures(dict(row))) for row in await db.fetch(sql, *arguments)]


def _figures(row: dict[str, Any]) -> dict[str, Any]:
    return {**row, "cost_usd": None if row["cost_usd"] is None else float(row["cost_usd"])}
