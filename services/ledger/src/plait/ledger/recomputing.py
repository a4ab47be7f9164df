"""Costs anew from the usage that is stored: after new prices. Nothing but costs, and the sums of them, changes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Final
from uuid import UUID

import asyncpg
from msgspec import Struct

from plait.common.errors import DependencyDown
from plait.common.postgres import Database
from plait.common.pricing.book import PriceBook
from plait.common.pricing.cost import Cost, cost_of
from plait.common.usage import parse
from plait.ledger.rows import Row, cost_columns

_RUN: Final = 500
"""Exchanges in one transaction: for so long a linker that places their usage may wait."""
_ATTEMPTS: Final = 5

# What follows the last one seen, in the order of time.
_NEXT: Final = """
SELECT exchange_id, model, started_at, raw, cost_usd, price_version, price_model FROM usage
WHERE ($1::timestamptz IS NULL OR started_at >= $1)
    AND ($2::timestamptz IS NULL OR (started_at, exchange_id) > ($2, $3))
ORDER BY started_at, exchange_id
LIMIT $4
"""
_COUNT: Final = "SELECT count(*) FROM usage WHERE $1::timestamptz IS NULL OR started_at >= $1"
_PUT: Final = """
UPDATE usage AS u SET
    cost_usd = usd[1], cost_input_usd = usd[2], cost_output_usd = usd[3], cost_cache_5m_usd = usd[4],
    cost_cache_1h_usd = usd[5], cost_cache_read_usd = usd[6], cost_tools_usd = usd[7],
    price_version = new.version, price_model = new.models
FROM (
    SELECT exchange_id, dollars::numeric[] AS usd, version, models
    FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[]) AS given (exchange_id, dollars, version, models)
) AS new
WHERE u.exchange_id = new.exchange_id
"""


class Recomputed(Struct, frozen=True):
    """What came of it."""

    exchanges: int = 0
    changed: int = 0
    """Those that cost another amount than before, or are priced by another list."""
    unpriced: int = 0
    """Those without a price now."""


async def recompute(
    database: Database,
    book: PriceBook,
    since: datetime | None = None,
    advance: Callable[[int, int], None] = lambda _done, _total: None,
) -> Recomputed:
    """Price all stored usage, or that of exchanges that began at `since` or later.

    `advance` is called with how many are done, of how many. A ledger may go on writing beside it.

    Raises:
        DependencyDown: the database went away; what is done so far is done.
    """
    async with database.transaction() as connection:
        total = await connection.fetchval(_COUNT, since)
    done, last = Recomputed(), None
    while True:
        run, last = await _patiently(database, book, since, last)
        done = Recomputed(done.exchanges + run.exchanges, done.changed + run.changed, done.unpriced + run.unpriced)
        advance(done.exchanges, total)
        if last is None:
            return done


_Place = tuple[datetime, UUID]


async def _patiently(
    database: Database, book: PriceBook, since: datetime | None, after: _Place | None
) -> tuple[Recomputed, _Place | None]:
    """A run, again when a linker held some of its rows and wanted others."""
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            return await _run(database, book, since, after)
        except DependencyDown as error:
            if attempt == _ATTEMPTS or not isinstance(error.__cause__, asyncpg.TransactionRollbackError):
                raise
    raise AssertionError


async def _run(
    database: Database, book: PriceBook, since: datetime | None, after: _Place | None
) -> tuple[Recomputed, _Place | None]:
    async with database.transaction() as connection:
        rows = await connection.fetch(_NEXT, since, *(after or (None, None)), _RUN)
        costs = [_cost(book, row) for row in rows]
        changed = [_row(row, cost) for row, cost in zip(rows, costs, strict=True) if _differs(row, cost)]
        if changed:
            await connection.execute(_PUT, *map(list, zip(*sorted(changed), strict=True)))
    last = (rows[-1]["started_at"], rows[-1]["exchange_id"]) if len(rows) == _RUN else None
    return Recomputed(len(rows), len(changed), sum(cost is None for cost in costs)), last


def _cost(book: PriceBook, row: asyncpg.Record) -> Cost | None:
    return cost_of(book, parse(row["raw"]), row["model"], row["started_at"])


def _differs(row: asyncpg.Record, cost: Cost | None) -> bool:
    now = (cost.total, cost.version, cost.models) if cost else (None, None, None)
    return now != (row["cost_usd"], row["price_version"], row["price_model"])


def _row(row: asyncpg.Record, cost: Cost | None) -> Row:
    return row["exchange_id"], *cost_columns(cost)
