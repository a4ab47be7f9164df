"""A page of a list: which rows, out of how many."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Final, Generic, TypeVar

import asyncpg
from msgspec import Struct

from plait.common.queries.named import Statement

Reader = asyncpg.Pool | asyncpg.Connection | asyncpg.pool.PoolConnectionProxy
"""What queries run on: a pool or one of its connections, opened read-only (`plait.common.postgres.open_pool`)."""

COUNTED: Final = 10_000
"""Up to so many rows a total is exact; beyond, it is the planner's estimate: counting millions takes seconds."""

RowT = TypeVar("RowT")


class Page(Struct, frozen=True):
    """Rows `offset` to `offset + limit` of a list."""

    limit: int = 100
    offset: int = 0


class Pagination(Struct, frozen=True, kw_only=True, rename="camel"):
    """Where a page stands in its list."""

    total: int
    """Rows of the whole list: exact up to 10,000, beyond that an estimate."""
    total_is_estimate: bool = False
    limit: int
    offset: int
    has_more: bool
    """Whether rows follow this page; always exact."""


class Listed(Struct, Generic[RowT], frozen=True, kw_only=True):
    """A page's rows and its place."""

    rows: list[RowT]
    pagination: Pagination


async def paginate(
    db: Reader, page: Page, found: Sequence[RowT], count: Statement, matching: Statement, values: Mapping[str, object]
) -> Listed[RowT]:
    """The page made of `found`, which was read with a limit one higher than the page's to see whether more follows."""
    rows = list(found[: page.limit])
    total, estimated = page.offset + len(rows), False
    if len(found) > page.limit or (page.offset and not rows):
        total, estimated = await _total(db, count, matching, values)
        total = max(total, page.offset + len(found)) if found else total
    place = Pagination(
        total=total,
        total_is_estimate=estimated,
        limit=page.limit,
        offset=page.offset,
        has_more=len(found) > page.limit,
    )
    return Listed(rows=rows, pagination=place)


async def _total(db: Reader, count: Statement, matching: Statement, values: Mapping[str, object]) -> tuple[int, bool]:
    sql, arguments = count.bind({**values, "counted": COUNTED + 1})
    counted: int = await db.fetchval(sql, *arguments)
    if counted <= COUNTED:
        return counted, False
    sql, arguments = matching.bind(values)
    plan = json.loads(await db.fetchval(f"EXPLAIN (FORMAT JSON) {sql}", *arguments))
    return max(counted, int(plan[0]["Plan"]["Plan Rows"])), True
