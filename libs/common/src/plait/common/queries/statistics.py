"""Figures over many exchanges."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from msgspec import Struct

from plait.common.buckets import Span
from plait.common.queries.named import statements
from plait.common.queries.paging import Reader
from plait.common.queries.usage import TOKENS, UsageFilter, cost_of, read_sums, usage_by

_SQL: Final = statements("statistics")
_BEGINNING: Final = datetime(1970, 1, 1, tzinfo=UTC)
_TOTAL: Final = 0b111
_BY_MODEL: Final = 0b011
_BY_TYPE: Final = 0b101
_BY_DOMAIN: Final = 0b110
"""Which sets of rows an overview has, as Postgres numbers them: a 0 for what they are split by."""


class Statistics(Struct, frozen=True, kw_only=True, rename="camel"):
    """Sums over the exchanges that began since a moment."""

    total_requests: int
    unplaced_requests: int
    """Those of them that no conversation has: lists of models, bodies that are no JSON, what the gateway rejected."""
    total_tokens: int
    """Input, output, cache reads and cache writes together."""
    total_input_tokens: int
    total_output_tokens: int
    total_cache_creation_tokens: int
    total_cache_read_tokens: int
    total_cost_usd: float | None
    """Of those whose price is known; null where none is."""
    average_response_time: float | None
    """Milliseconds from request to the answer's end; null when nothing has ended."""
    error_count: int
    """Ended `failed`, `interrupted` or `rejected`: `status=` finds each of the three on its own."""
    active_domains: int
    requests_by_model: dict[str, int]
    """Without those that name no model, such as lists of models."""
    requests_by_type: dict[str, int]
    """By `requestType`: inference, query_evaluation, quota; without those that are none of them."""


class TokenStatistics(Struct, frozen=True, kw_only=True, rename="camel"):
    """Tokens and calls of a domain since its first exchange."""

    input_tokens: int
    output_tokens: int
    request_count: int
    query_evaluation_count: int
    """Of `requestType` query_evaluation."""
    inference_count: int
    """Of `requestType` inference."""
    tool_call_count: int
    """In answers."""
    last_updated: datetime | None
    """When the latest exchange began."""


class DomainFigures(Struct, frozen=True, kw_only=True):
    """A domain and its figures."""

    domain: str
    figures: TokenStatistics


class DomainCount(Struct, frozen=True, kw_only=True, rename="camel"):
    """How busy a domain was."""

    domain: str
    request_count: int


async def get_statistics(db: Reader, since: datetime, domain: str | None = None) -> Statistics:
    """Sums over everything, or over one domain."""
    rows = await read_sums(db, "overview", Span(since), UsageFilter(domain=domain))
    total = next(row for row in rows if row["part"] == _TOTAL)
    return Statistics(
        total_requests=total["requests"],
        unplaced_requests=await count_unplaced(db, since, domain),
        total_tokens=sum(total[name] for name in TOKENS),
        total_input_tokens=total["input_tokens"],
        total_output_tokens=total["output_tokens"],
        total_cache_creation_tokens=total["cache_creation_input_tokens"],
        total_cache_read_tokens=total["cache_read_input_tokens"],
        total_cost_usd=cost_of(total),
        average_response_time=round(float(total["duration_ms"] / total["timed"]), 2) if total["timed"] else None,
        error_count=total["failed_requests"],
        active_domains=len(_counts(rows, _BY_DOMAIN, "domain")),
        requests_by_model=_counts(rows, _BY_MODEL, "model"),
        requests_by_type=_counts(rows, _BY_TYPE, "request_type"),
    )


async def count_unplaced(db: Reader, since: datetime, domain: str | None = None) -> int:
    """Exchanges that began since a moment and that no conversation has."""
    sql, arguments = _SQL["unplaced"].bind({"since": since, "domain": domain})
    found: int = await db.fetchval(sql, *arguments)
    return found


async def list_domains(db: Reader, since: datetime) -> list[DomainCount]:
    """The domains that had exchanges since a moment, the busiest first."""
    rows = await usage_by(db, "domain", Span(since))
    counts = [DomainCount(domain=row.key, request_count=row.requests) for row in rows if row.key and row.requests]
    return sorted(counts, key=lambda one: (-one.request_count, one.domain))


async def list_token_statistics(db: Reader, domain: str | None = None) -> list[DomainFigures]:
    """The figures of every domain, or of one, by name."""
    rows = await read_sums(db, "token_statistics", Span(_BEGINNING), UsageFilter(domain=domain))
    return [DomainFigures(domain=row.pop("domain"), figures=TokenStatistics(**row)) for row in rows]


def _counts(rows: Sequence[Mapping[str, Any]], part: int, name: str) -> dict[str, int]:
    """Requests of each, the most first."""
    found = {row[name]: row["requests"] for row in rows if row["part"] == part and row["requests"]}
    return {key: found[key] for key in sorted(found, key=lambda key: (-found[key], key or "")) if key is not None}
