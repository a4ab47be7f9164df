"""What was used, whole or by one thing: the figures behind every chart and bill.

Sums come from the ledger's slots of a quarter of an hour; only what a span cuts off a slot is counted row by row. So
they are exact at any moment, and as quick over a year as over a day.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, Literal, get_args
from zoneinfo import ZoneInfo

from msgspec import UNSET, Struct, UnsetType, field

from plait.common.buckets import Span, Unit, label, starts
from plait.common.queries.named import statements
from plait.common.queries.paging import Reader
from plait.common.queries.scope import Scoped
from plait.common.queries.tiers import ENDLESS, Reach, reach
from plait.common.queries.tools import ToolUse, list_tools

_SQL: Final = statements("usage")
_UTC: Final = ZoneInfo("UTC")

Key = Literal["model", "domain", "account", "session", "agent", "key", "tag", "tool", "kind"]
"""Things that sums can be split by, time aside."""
KEYS: Final[tuple[Key, ...]] = get_args(Key)


class UsageFilter(Struct, frozen=True, kw_only=True):
    """What counts; what is None does not matter."""

    domain: str | None = None
    account_id: str | None = None
    model: str | None = None
    kind: str | None = None
    key_name: str | None = None
    tag: str | None = None
    agent_type: str | None = None


EVERYTHING: Final = UsageFilter()

# Rows hold no other objects and can be many: `gc=False` spares the collector from looking at each.


class Counters(Struct, frozen=True, kw_only=True, rename="camel", gc=False):
    """Requests, their tokens and what they cost. A request without usage, such as a failed one, has no tokens."""

    requests: int = 0
    failed_requests: int = 0
    """Ended `failed`, `interrupted` or `rejected`."""
    input_tokens: int = 0
    """Neither read from the cache nor written to it."""
    output_tokens: int = 0
    """Thinking included."""
    thinking_tokens: int = 0
    cache_read_input_tokens: int = 0
    cache_creation_input_tokens: int = 0
    """Of both lifetimes."""
    cache_creation_5m_input_tokens: int = field(name="cacheCreation5mInputTokens", default=0)
    cache_creation_1h_input_tokens: int = field(name="cacheCreation1hInputTokens", default=0)
    total_tokens: int = 0
    """Input, output, cache reads and cache writes together."""
    tool_calls: int = 0
    """In answers."""
    web_search_requests: int = 0
    """By the provider's own tools."""
    web_fetch_requests: int = 0
    cost_usd: float | None = 0.0
    """Of the requests whose price is known; null where none is."""
    subscription_cost_usd: float = 0.0
    """The part of it that nobody is billed, for the account is a subscription's."""
    unpriced_requests: int = 0
    """Requests with usage whose price is not known: `costUsd` lacks them."""


class UsageRow(Counters, frozen=True, kw_only=True, rename="camel", gc=False):
    """The counters of one day, hour, model, ... ; the field that the sums are split by has the key's value too."""

    key: str | None
    """Null: of requests that have none, such as those without a tag."""
    start: datetime | UnsetType = UNSET
    """Of days and hours: when it begins."""
    day: str | UnsetType = UNSET
    hour: str | UnsetType = UNSET
    model: str | UnsetType | None = UNSET
    domain: str | UnsetType | None = UNSET
    account_id: str | UnsetType | None = UNSET
    session_id: str | UnsetType | None = UNSET
    agent_type: str | UnsetType | None = UNSET
    key_name: str | UnsetType | None = UNSET
    tag: str | UnsetType | None = UNSET
    tool: str | UnsetType | None = UNSET
    kind: str | UnsetType | None = UNSET


class DailyUsage(Struct, frozen=True, kw_only=True, rename="camel", gc=False):
    """What one account used on one day in one domain of one model; of an aggregate, all of them together."""

    date: str
    account_id: str | None
    domain: str | None
    model: str | None
    total_input_tokens: int
    total_output_tokens: int
    total_tokens: int
    """Cache reads and writes included."""
    total_requests: int
    cache_creation_input_tokens: int
    cache_read_input_tokens: int
    cost_usd: float | None


class HourCount(Struct, frozen=True, gc=False):
    """How much an hour had."""

    hour: datetime
    """When it begins."""
    count: int


TOKENS: Final = ("input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
"""What `total_tokens` is made of."""
_FIELDS: Final[Mapping[Key, str]] = {
    "account": "account_id", "session": "session_id", "agent": "agent_type", "key": "key_name", "model": "model",
    "domain": "domain", "tag": "tag", "tool": "tool", "kind": "kind",
}  # fmt: skip

_NOTHING: Final[frozenset[str]] = frozenset()
_SPLIT: Final[Mapping[str, frozenset[str]]] = {
    "overview": frozenset({"domain", "model", "request_type"}),
    "token_statistics": frozenset({"domain", "request_type"}),
    "by_domain": frozenset({"domain"}),
    "by_account": frozenset({"account"}),
    "by_model": frozenset({"model"}),
    "by_kind": frozenset({"kind"}),
    "by_key": frozenset({"key"}),
    "by_tag": frozenset({"tag"}),
    "by_agent": frozenset({"agent", "kind"}),
    "daily": frozenset({"domain", "account", "model"}),
    "hourly": frozenset({"domain"}),
}
"""What statements tell apart."""


async def sum_usage(db: Reader, span: Span, where: UsageFilter = EVERYTHING) -> Counters:
    """Everything together."""
    (record,) = await read_sums(db, "total", span, where)
    return Counters(**counters_of(record))


async def count_requests(db: Reader, span: Span, where: UsageFilter = EVERYTHING) -> int | None:
    """How many exchanges began in it; None: no totals tell these apart, so it would not be quick."""
    sql, arguments, served = _bound(db, "requests", span, where)
    found: int | None = await db.fetchval(sql, *arguments) if served.facet else None
    return found


async def usage_by_time(
    db: Reader, unit: Unit, span: Span, where: UsageFilter = EVERYTHING, *, zone: ZoneInfo = _UTC, now: datetime
) -> list[UsageRow]:
    """Every day or hour of the span in a zone, up to its end or to now, those without any requests too."""
    begins = starts(unit, span.since, span.until or now, zone)
    found = {row["bucket"]: row for row in await read_sums(db, "by_time", span, where, starts=begins)}
    return [_timed(unit, zone, start, found.get(number, {})) for number, start in enumerate(begins, 1)]


async def usage_by(
    db: Reader, key: Key, span: Span, where: UsageFilter = EVERYTHING, *, limit: int = 1000
) -> list[UsageRow]:
    """One row a key: the dearest first, then those of the most tokens; sessions by their latest request.

    Of `tool`, requests are calls, those that failed are the ones whose result was an error, and there are no tokens
    and no cost: an answer is charged as a whole. Slots that the span cuts count whole there.
    """
    if key == "tool":
        return [_tool(one) for one in await list_tools(db, span, domain=where.domain, account_id=where.account_id)][
            :limit
        ]
    records = await read_sums(db, f"by_{key}", span, where, limit=limit)
    found = [_keyed(key, record) for record in records]
    return found if key == "session" else sorted(found, key=_weight)[:limit]


async def daily_usage(
    db: Reader, span: Span, where: UsageFilter = EVERYTHING, *, zone: ZoneInfo = _UTC, now: datetime
) -> list[DailyUsage]:
    """What each account used in each domain of each model, day by day in a zone; days without any are left out."""
    begins = starts("day", span.since, span.until or now, zone)
    names = [label("day", begin, zone) for begin in begins]
    records = await read_sums(db, "daily", span, where, starts=begins)
    return [DailyUsage(date=names[day - 1], **figures) for day, figures in ((r.pop("day"), r) for r in records)]


async def daily_totals(
    db: Reader, span: Span, where: UsageFilter = EVERYTHING, *, zone: ZoneInfo = _UTC, now: datetime
) -> list[DailyUsage]:
    """Every day of the span as one row, whatever the model; accounts and domains too unless one was asked for."""
    rows = await usage_by_time(db, "day", span, where, zone=zone, now=now)
    return [_daily(row, where) for row in rows]


async def requests_by_hour(
    db: Reader, span: Span, where: UsageFilter = EVERYTHING, *, now: datetime
) -> dict[str, list[HourCount]]:
    """Requests of each domain in each hour (UTC) that had any."""
    return await _by_hour(db, span, where, now, "requests")


async def tokens_by_hour(
    db: Reader, span: Span, where: UsageFilter = EVERYTHING, *, now: datetime
) -> dict[str, list[HourCount]]:
    """Tokens of each domain, cache reads and writes included, in each hour (UTC) that had any."""
    return await _by_hour(db, span, where, now, "tokens")


async def _by_hour(
    db: Reader, span: Span, where: UsageFilter, now: datetime, counted: str
) -> dict[str, list[HourCount]]:
    begins = starts("hour", span.since, span.until or now, _UTC)
    found: dict[str, list[HourCount]] = {}
    for record in await read_sums(db, "hourly", span, where, starts=begins):
        if record[counted]:
            found.setdefault(record["domain"], []).append(HourCount(begins[record["bucket"] - 1], record[counted]))
    return found


async def read_sums(db: Reader, name: str, span: Span, where: UsageFilter, **more: Any) -> list[dict[str, Any]]:
    """The rows of a statement of `usage.sql`; `more`: what it wants besides, `apart` the key that it tells apart."""
    sql, arguments, _ = _bound(db, name, span, where, **more)
    return [dict(record) for record in await db.fetch(sql, *arguments)]


def _bound(db: Reader, name: str, span: Span, where: UsageFilter, **more: Any) -> tuple[str, list[object], Reach]:
    """A statement, its values, and what it reads."""
    filters = {
        "domain": where.domain, "account": where.account_id, "model": where.model, "kind": where.kind,
        "key": where.key_name, "tag": where.tag, "agent": where.agent_type,
    }  # fmt: skip
    told_apart = _SPLIT.get(f"by_{more['apart']}" if "apart" in more else name, _NOTHING)
    needed = told_apart | {field for field, value in filters.items() if value is not None}
    if isinstance(db, Scoped):
        needed |= {"domain"}  # totals without a domain are not shown to who sees some domains alone
    served = reach(span, needed, cuts=more.get("starts", [])[1:])
    bounds = {"since": span.since, "until": span.until, "first": span.first, "last": span.last or ENDLESS}
    return *_SQL[name].bind({**bounds, **served.values, **filters, **more}), served


def _timed(unit: Unit, zone: ZoneInfo, start: datetime, record: Mapping[str, Any]) -> UsageRow:
    name = label(unit, start, zone)
    fields: dict[str, Any] = {unit: name, **counters_of(record)}
    return UsageRow(key=name, start=start, **fields)


def _tool(one: ToolUse) -> UsageRow:
    return UsageRow(
        key=one.tool, tool=one.tool, requests=one.calls, failed_requests=one.errors, tool_calls=one.calls, cost_usd=None
    )


def _keyed(key: Key, record: Mapping[str, Any]) -> UsageRow:
    value = {"key": record["key"], _FIELDS[key]: record["key"]}
    return UsageRow(**value, **counters_of(record))


def counters_of(record: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of `Counters`; nothing where there is no record."""
    counters = {name: record[name] for name in record.keys() & set(Counters.__struct_fields__)}
    if counters:
        counters["total_tokens"] = sum(counters[name] for name in TOKENS)
        counters["cost_usd"] = cost_of(record)
        counters["subscription_cost_usd"] = float(record["subscription_cost_usd"])
    return counters


def cost_of(record: Mapping[str, Any]) -> float | None:
    """What a row of sums cost: None if it has requests with usage, and the price of none of them is known."""
    all_unpriced = record["reported"] and record["reported"] == record["unpriced_requests"]
    return None if all_unpriced else float(record["cost_usd"])


def _daily(row: UsageRow, where: UsageFilter) -> DailyUsage:
    return DailyUsage(
        date=row.key or "",
        account_id=where.account_id,
        domain=where.domain,
        model=where.model,
        total_input_tokens=row.input_tokens,
        total_output_tokens=row.output_tokens,
        total_tokens=row.total_tokens,
        total_requests=row.requests,
        cache_creation_input_tokens=row.cache_creation_input_tokens,
        cache_read_input_tokens=row.cache_read_input_tokens,
        cost_usd=row.cost_usd,
    )


def _weight(row: UsageRow) -> tuple[float, int, int, str]:
    return (-(row.cost_usd or 0), -row.total_tokens, -row.requests, row.key or "")
