"""A page of a list: which rows, out of how many."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, Generic, TypeVar
from uuid import UUID

import asyncpg
from msgspec import Struct

from plait.common.queries.named import Statement
from plait.common.queries.scope import Scoped

Writer = asyncpg.Pool | asyncpg.Connection | asyncpg.pool.PoolConnectionProxy
"""What statements that write run on."""
Reader = Writer | Scoped
"""What queries run on: a pool or one of its connections, opened read-only (`plait.common.postgres.open_pool`), or
a pool that shows some domains alone."""

COUNTED: Final = 10_000
"""Up to so many rows a total is exact; beyond, where no sums tell it, it is the planner's estimate: counting millions
takes seconds."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_TIME_BYTES: Final = 8
_NO_CURSOR: Final = "not the nextCursor of a page"

RowT = TypeVar("RowT")


class Cursor(Struct, frozen=True):
    """A row's place in a list that is ordered by time and id, newest first.

    What comes into the list later, before that row, moves nothing behind it: pages by cursor repeat and skip none.
    """

    moment: datetime
    number: UUID

    def __str__(self) -> str:
        micros = (self.moment - _EPOCH) // _MICROSECOND
        place = micros.to_bytes(_TIME_BYTES, "big", signed=True) + self.number.bytes
        return base64.urlsafe_b64encode(place).decode()

    @classmethod
    def parse(cls, text: str) -> Cursor:
        """The place that `str` of it told.

        Raises:
            ValueError: it is none.
        """
        try:
            place = base64.b64decode(text, altchars=b"-_", validate=True)
            micros = int.from_bytes(place[:_TIME_BYTES], "big", signed=True)
            found = cls(_EPOCH + micros * _MICROSECOND, UUID(bytes=place[_TIME_BYTES:]))
        except (binascii.Error, ValueError, OverflowError) as error:
            raise ValueError(_NO_CURSOR) from error
        if str(found) != text:  # the decoder takes more than it gives
            raise ValueError(_NO_CURSOR)
        return found


class Page(Struct, frozen=True):
    """At most `limit` rows of a list: those behind a cursor, else those from `offset` on."""

    limit: int = 100
    offset: int = 0
    after: Cursor | None = None

    @property
    def values(self) -> dict[str, object]:
        """Parameters of a statement that reads it, with one row more to see whether more follow."""
        after = self.after
        return {
            "limit": self.limit + 1,
            "offset": self.offset,
            "after_time": after and after.moment,
            "after_id": after and after.number,
        }


WHOLE_LIST: Final[dict[str, object]] = dict.fromkeys(("limit", "offset", "after_time", "after_id"))
"""The same of a statement that reads all rows."""


class Pagination(Struct, frozen=True, kw_only=True, rename="camel"):
    """Where a page stands in its list."""

    total: int
    """Rows of the whole list: exact up to 10,000, and beyond where sums tell it."""
    total_is_estimate: bool = False
    limit: int
    offset: int
    has_more: bool
    """Whether to ask for a page behind this one: rows follow, or (with words to look for) may follow."""
    next_cursor: str | None = None
    """`cursor` of the page that follows; null after the last, and of a list that has none."""


class Listed(Struct, Generic[RowT], frozen=True, kw_only=True):
    """A page's rows and its place."""

    rows: list[RowT]
    pagination: Pagination


class Counts(Struct, frozen=True, kw_only=True):
    """The statements that tell how long a list is."""

    count: Statement
    """Counts it up to `:counted` rows."""
    matching: Statement | None = None
    """Its rows, for the planner to estimate; None: it is never longer than is counted."""
    hints: tuple[str, ...] = ()
    """Parameters that help to find rows and mislead an estimate."""
    summed: Callable[[], Awaitable[int | None]] | None = None
    """Asked first: the number as sums tell it; None: they do not."""


async def paginate(
    db: Reader,
    page: Page,
    found: Sequence[RowT],
    place: Callable[[RowT], Cursor] | None,
    counts: Counts,
    values: Mapping[str, object],
) -> Listed[RowT]:
    """The page made of `found`, which was read with a limit one higher than the page's to see whether more follows.

    Without `place` the list has no cursors.
    """
    rows = list(found[: page.limit])
    has_more = len(found) > page.limit
    total, estimated = page.offset + len(rows), False
    if has_more or page.after or (page.offset and not rows):
        total, estimated = await _total(db, counts, values)
        total = max(total, page.offset + len(found)) if found else total
    pagination = Pagination(
        total=total,
        total_is_estimate=estimated,
        limit=page.limit,
        offset=page.offset,
        has_more=has_more,
        next_cursor=str(place(rows[-1])) if place and has_more else None,
    )
    return Listed(rows=rows, pagination=pagination)


async def _total(db: Reader, counts: Counts, values: Mapping[str, object]) -> tuple[int, bool]:
    if counts.summed and (summed := await counts.summed()) is not None:
        return summed, False
    sql, arguments = counts.count.bind({**values, "counted": COUNTED + 1})
    counted: int = await db.fetchval(sql, *arguments)
    if counted <= COUNTED or counts.matching is None:
        return counted, False
    sql, arguments = counts.matching.bind({**values, **dict.fromkeys(counts.hints)})
    plan = json.loads(await db.fetchval(f"EXPLAIN (FORMAT JSON) {sql}", *arguments))
    return max(counted, int(plan[0]["Plan"]["Plan Rows"])), True
