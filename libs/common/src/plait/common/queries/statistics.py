"""Figures over many exchanges."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from msgspec import Struct

from plait.common.queries.named import statements
from plait.common.queries.paging import Reader

_SQL: Final = statements("statistics")
_TOKENS: Final = (
    "total_input_tokens",
    "total_output_tokens",
    "total_cache_creation_tokens",
    "total_cache_read_tokens",
)


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
    total_cost_usd: float | None = None
    """Null: not priced."""
    average_response_time: float | None
    """Milliseconds from request to the answer's end; null when nothing has ended."""
    error_count: int
    """Ended `failed`, `interrupted` or `rejected`: `status=` finds each of the three on its own."""
    active_domains: int
    requests_by_model: dict[str, int]
    """Without those that name no model, such as lists of models."""
    requests_by_type: dict[str, int]
    """By `requestType`: inference, query_evaluation, quota; without those that are none of them."""


class DomainCount(Struct, frozen=True, kw_only=True, rename="camel"):
    """How busy a domain was."""

    domain: str
    request_count: int


async def get_statistics(db: Reader, since: datetime, domain: str | None = None) -> Statistics:
    """Sums over everything, or over one domain."""
    values = {"since": since, "domain": domain}
    sql, arguments = _SQL["totals"].bind(values)
    (record,) = await db.fetch(sql, *arguments)
    totals = dict(record)
    sql, arguments = _SQL["breakdown"].bind(values)
    counts = await db.fetch(sql, *arguments)
    return Statistics(
        **totals,
        total_tokens=sum(totals[name] for name in _TOKENS),
        requests_by_model={r["model"]: r["requests"] for r in counts if r["model"] is not None},
        requests_by_type={r["request_type"]: r["requests"] for r in counts if r["request_type"] is not None},
    )


async def list_domains(db: Reader, since: datetime) -> list[DomainCount]:
    """The domains that had exchanges since a moment, the busiest first."""
    sql, arguments = _SQL["domains"].bind({"since": since})
    return [DomainCount(**record) for record in await db.fetch(sql, *arguments)]
