"""Sums over any span, zone and filter against sums that are made of the rows, one by one."""

from __future__ import annotations

from bisect import bisect
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from plait.common.buckets import SLOT, Span, floor, starts
from plait.common.postgres import open_pool
from plait.common.queries.pace import list_steps, slide, steps
from plait.common.queries.scope import Scoped
from plait.common.queries.series import Apart, first_use, usage_series
from plait.common.queries.tools import list_tools
from plait.common.queries.usage import (
    EVERYTHING,
    Counters,
    Key,
    UsageFilter,
    daily_usage,
    requests_by_hour,
    sum_usage,
    usage_by,
    usage_by_time,
)
from tests.bench.history.writing import write
from tests.servers import alone, fresh_database

END = datetime(2026, 11, 1, 12, tzinfo=UTC)
EXCHANGES = 1_200
_ROWS = """
SELECT e.*, u.input_tokens, u.output_tokens, u.cache_read_tokens, u.cache_creation_tokens, u.cache_creation_5m_tokens,
    u.cache_creation_1h_tokens, u.web_search_requests, u.cost_usd, u.subscription, u.exchange_id IS NOT NULL AS reported
FROM exchanges e LEFT JOIN usage u ON u.exchange_id = e.id
"""
FIELDS: dict[Key, str] = {
    "model": "model", "domain": "domain", "account": "account_id", "key": "key_name", "tag": "tag", "kind": "kind",
    "session": "session_id",
}  # fmt: skip
ZONES = ["UTC", "Europe/Berlin", "Asia/Kolkata", "Asia/Kathmandu", "Australia/Lord_Howe", "America/New_York"]

Row = dict[str, Any]


@dataclass(frozen=True)
class History:
    """A filled database, and all its rows."""

    url: str
    rows: list[Row]


@pytest.fixture(scope="module")
def history(postgres_server: str, migrated_template: str) -> Iterator[History]:
    with fresh_database(postgres_server, migrated_template) as url:
        yield History(url, alone(fill(url)))


async def fill(url: str) -> list[Row]:
    """Half of it is settled, half still changes that the ledger has not added up."""
    await write(url, 11, EXCHANGES, END, lambda _: None)
    connection = await asyncpg.connect(url)
    await connection.execute("UPDATE usage SET cost_usd = cost_usd + 1 WHERE domain LIKE 'team-0%' AND cost_usd > 0.1")
    await connection.execute("DELETE FROM exchanges WHERE started_at > $1", END - timedelta(hours=20))
    await connection.execute(
        "DELETE FROM usage u WHERE NOT EXISTS (SELECT FROM exchanges e WHERE e.id = u.exchange_id)"
    )
    rows = [dict(row) for row in await connection.fetch(_ROWS)]
    await connection.close()
    return rows


def sums(rows: list[Row]) -> Row:
    reported = [row for row in rows if row["reported"]]
    priced = [row for row in reported if row["cost_usd"] is not None]
    tokens = {name: sum(row[f"{name}_tokens"] for row in reported) for name in TOKENS}
    return {
        "requests": len(rows),
        "failed_requests": sum(row["outcome"] in ("failed", "interrupted", "rejected") for row in rows),
        "input_tokens": tokens["input"],
        "output_tokens": tokens["output"],
        "cache_read_input_tokens": tokens["cache_read"],
        "cache_creation_1h_input_tokens": tokens["cache_creation_1h"],
        "total_tokens": tokens["input"] + tokens["output"] + tokens["cache_read"] + tokens["cache_creation"],
        "tool_calls": sum(row["tool_call_count"] or 0 for row in rows),
        "web_search_requests": sum(row["web_search_requests"] for row in reported),
        "cost_usd": float(sum(row["cost_usd"] for row in priced)) if priced or not reported else None,
        "subscription_cost_usd": float(sum(row["cost_usd"] for row in priced if row["subscription"])),
        "unpriced_requests": len(reported) - len(priced),
    }


TOKENS = ("input", "output", "cache_read", "cache_creation", "cache_creation_1h")


def told(counters: Counters, names: Row) -> Row:
    return {name: getattr(counters, name) for name in names}


moments = st.integers(0, 91 * 86_400).map(lambda seconds: END - timedelta(seconds=seconds))
spans = st.builds(
    lambda since, length: Span(since, length and since + length),
    moments,
    st.none() | st.integers(1, 91 * 86_400).map(lambda seconds: timedelta(seconds=seconds)),
)
filters = st.builds(
    UsageFilter,
    domain=st.none() | st.sampled_from(["team-00.example.test", "team-02.example.test"]),
    model=st.none() | st.none() | st.sampled_from(["claude-opus-4-5", "house-model-1"]),
    kind=st.none() | st.none() | st.sampled_from(["inference", "auxiliary"]),
    tag=st.none() | st.none() | st.sampled_from(["ci", "docs"]),
)


def within(rows: list[Row], span: Span, where: UsageFilter) -> list[Row]:
    wanted = {"domain": where.domain, "model": where.model, "kind": where.kind, "tag": where.tag}
    return [
        row
        for row in rows
        if row["started_at"] >= span.since
        and (span.until is None or row["started_at"] < span.until)
        and all(value is None or row[name] == value for name, value in wanted.items())
    ]


def grouped(rows: list[Row], key: Callable[[Row], Any]) -> dict[Any, Row]:
    held = defaultdict(list)
    for row in rows:
        held[key(row)].append(row)
    return {name: sums(own) for name, own in held.items()}


async def with_connection(url: str, ask: Callable[[asyncpg.Connection], Any]) -> Any:
    connection = await asyncpg.connect(url)
    try:
        return await ask(connection)
    finally:
        await connection.close()


@given(span=spans, where=filters, key=st.sampled_from(list(FIELDS)), zone=st.sampled_from(ZONES).map(ZoneInfo))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_sums_are_those_of_the_rows(history: History, span: Span, where: UsageFilter, key: Key, zone: ZoneInfo) -> None:
    async def compare(db: asyncpg.Connection) -> None:
        rows = within(history.rows, span, where)
        whole = sums(rows)
        assert told(await sum_usage(db, span, where), whole) == pytest.approx(whole)
        await compare_by_key(db, rows, span, where, key)
        await compare_by_time(db, rows, span, where, zone)
        if key != "session":
            await compare_series(db, rows, span, where, key, zone)

    alone(with_connection(history.url, compare))


def test_who_sees_some_domains_is_told_their_sums(history: History) -> None:
    """Totals of all domains together are none of these."""
    seen = ["team-00.example.test", "team-02.example.test"]
    rows = [row for row in history.rows if row["domain"] in seen]
    span = Span(END - timedelta(days=40))

    async def compare() -> None:
        pool = await open_pool(history.url, name="test", size=1, read_only=True, role="plait_limited")
        limited: Any = Scoped(pool, seen)
        for key in ("model", "kind", "tag", "domain"):
            await compare_by_key(limited, within(rows, span, EVERYTHING), span, EVERYTHING, key)
        await compare_by_time(limited, within(rows, span, EVERYTHING), span, EVERYTHING, ZoneInfo("Asia/Kolkata"))
        tools = await list_tools(limited, span)
        apart = [await list_tools(pool, span, domain=domain) for domain in seen]
        assert sum(one.calls for one in tools) == sum(one.calls for found in apart for one in found) > 0
        await pool.close()

    alone(compare())


async def compare_by_key(db: asyncpg.Connection, rows: list[Row], span: Span, where: UsageFilter, key: Key) -> None:
    expected = grouped(rows, lambda row: row[FIELDS[key]])
    if key == "session":
        expected.pop(None, None)
    found = await usage_by(db, key, span, where, limit=200)
    assert len(found) == len({row.key for row in found}) == min(200, len(expected))
    for row in found:
        assert told(row, expected[row.key]) == pytest.approx(expected[row.key]), row.key


async def compare_by_time(
    db: asyncpg.Connection, rows: list[Row], span: Span, where: UsageFilter, zone: ZoneInfo
) -> None:
    days = grouped(rows, lambda row: row["started_at"].astimezone(zone).date().isoformat())
    found = await usage_by_time(db, "day", span, where, zone=zone, now=END)
    assert [row.key for row in found] == sorted({str(row.key) for row in found})
    assert days.keys() <= {row.key for row in found}
    for row in found:
        expected = days.get(row.key, sums([]))
        assert told(row, expected) == pytest.approx(expected), row.key
    hours = grouped(rows, lambda row: row["started_at"].astimezone(zone).isoformat()[:13])
    by_hour = await usage_by_time(db, "hour", span, where, zone=zone, now=END)
    assert sum(row.requests for row in by_hour) == len(rows)
    assert {row.key[:13] for row in by_hour if row.key and row.requests} == hours.keys()


async def compare_series(
    db: asyncpg.Connection, rows: list[Row], span: Span, where: UsageFilter, key: Apart, zone: ZoneInfo
) -> None:
    begins = starts("day", span.since, span.until or END, zone)
    until = max(span.until or END, begins[-1])
    inside = within(rows, Span(span.since, until), where)
    expected = grouped(inside, lambda row: (bisect(begins, row["started_at"]) - 1, row[FIELDS[key]]))
    found = await usage_series(db, key, [span.since, *begins[1:]], until, where)
    assert len(found) == len(expected)
    for cell in found:
        own = expected[cell.number, cell.key]
        assert told(cell, own) == pytest.approx(own), (cell.number, cell.key)


async def test_calls_of_tools_over_time_are_those_of_the_tools(history: History) -> None:
    async def compare(db: asyncpg.Connection) -> None:
        begins = starts("hour", END - timedelta(days=10), END, ZoneInfo("UTC"))
        cells = await usage_series(db, "tool", begins, END, UsageFilter(domain="team-00.example.test"))
        rows = await usage_by(db, "tool", Span(begins[0], END), UsageFilter(domain="team-00.example.test"))
        assert rows
        calls, errors = Counter[str | None](), Counter[str | None]()
        for cell in cells:
            calls[cell.key] += cell.requests
            errors[cell.key] += cell.failed_requests
        assert calls == {row.key: row.requests for row in rows}
        assert errors == {row.key: row.failed_requests for row in rows}

    await with_connection(history.url, compare)


async def test_the_first_use_is_where_the_earliest_row_is(history: History) -> None:
    first = await with_connection(history.url, first_use)
    assert first == floor(min(row["started_at"] for row in history.rows))


async def test_daily_and_hourly_are_the_same_sums(history: History) -> None:
    async def compare(db: asyncpg.Connection) -> None:
        span = Span(END - timedelta(days=40, minutes=7))
        rows = within(history.rows, span, UsageFilter())
        daily = await daily_usage(db, span, now=END)
        expected = grouped(
            rows, lambda r: (r["started_at"].date().isoformat(), r["account_id"], r["domain"], r["model"])
        )
        assert {
            (one.date, one.account_id, one.domain, one.model): (one.total_requests, one.total_tokens) for one in daily
        } == {key: (own["requests"], own["total_tokens"]) for key, own in expected.items()}
        hourly = await requests_by_hour(db, span, now=END)
        hours = grouped(rows, lambda r: (r["domain"], r["started_at"].replace(minute=0, second=0, microsecond=0)))
        assert {(name, one.hour): one.count for name, held in hourly.items() for one in held} == {
            key: own["requests"] for key, own in hours.items()
        }

    await with_connection(history.url, compare)


@given(
    minutes=st.sampled_from([5, 7, 15, 30, 60]),
    length=st.integers(1, 40).map(lambda hours: timedelta(hours=hours)),
    late=st.integers(21 * 60, 90 * 1440).map(lambda minutes: timedelta(minutes=minutes, seconds=17)),
)
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_steps_and_windows_that_slide(history: History, minutes: int, length: timedelta, late: timedelta) -> None:
    interval, now = timedelta(minutes=minutes), END - late
    begins = steps(now, length, interval)
    assert begins[-1] <= now < begins[-1] + interval
    assert begins[-1] + interval - begins[0] >= length
    found = alone(with_connection(history.url, lambda db: list_steps(db, begins, domain="team-00.example.test")))
    rows = [row for row in history.rows if row["reported"] and row["domain"] == "team-00.example.test"]
    ends = [*begins[1:], datetime.max.replace(tzinfo=UTC)]
    expected = [
        sum(row["output_tokens"] for row in rows if begin <= row["started_at"] < end)
        for begin, end in zip(begins, ends, strict=True)
    ]
    assert [step.output_tokens for step in found] == expected
    slid = slide(found, 3, {begins[0]})
    assert [point.output_tokens for point in slid] == [sum(expected[max(0, n - 2) : n + 1]) for n in range(len(slid))]
    assert [point.limit_warning for point in slid] == [True, *[False] * (len(slid) - 1)]


def test_steps_of_slots_begin_with_them() -> None:
    assert {(begin - END) % SLOT for begin in steps(END + timedelta(minutes=4), timedelta(hours=5), 2 * SLOT)} == {
        timedelta()
    }
