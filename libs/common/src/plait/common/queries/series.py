"""What was used over time, told apart by one thing: what charts of use are drawn from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from operator import attrgetter
from typing import Any, Final, Literal, get_args

from plait.common.buckets import Span
from plait.common.queries.named import statements
from plait.common.queries.paging import Reader
from plait.common.queries.tools import read_calls
from plait.common.queries.usage import EVERYTHING, Counters, UsageFilter, counters_of, read_sums

_SQL: Final = statements("series")

Apart = Literal["domain", "account", "model", "key", "tag", "agent", "kind", "tool"]
"""What can be told apart over time."""
APART: Final[tuple[Apart, ...]] = get_args(Apart)

_COUNTED_NAMES: Final = tuple(name for name in Counters.__struct_fields__ if name != "cost_usd")
_COUNTED: Final = attrgetter(*_COUNTED_NAMES)


class Cell(Counters, frozen=True, kw_only=True, rename="camel", gc=False):
    """What one domain, model, tool, … had in one stretch of time."""

    number: int
    """Of the stretch, from 0."""
    key: str | None
    """Null: of requests that have none, such as those without a tag."""


async def usage_series(
    db: Reader, apart: Apart, starts: Sequence[datetime], until: datetime, where: UsageFilter = EVERYTHING
) -> list[Cell]:
    """The cells that have any, by stretch; each stretch ends where the next begins, the last one at `until`.

    Of tools, as `usage_by` tells them: requests are calls, those that failed are errors, and there are no tokens and
    no cost. They are kept by domain and account alone, so other filters leave nothing of them out.
    """
    span = Span(starts[0], until)
    if apart == "tool":
        calls = await read_calls(db, "series", span, domain=where.domain, account_id=where.account_id, starts=starts)
        return [_call(row) for row in calls]
    rows = await read_sums(db, "series", span, where, starts=list(starts), apart=apart)
    return sorted((_cell(row) for row in rows), key=lambda cell: (cell.number, cell.key or ""))


async def first_use(db: Reader) -> datetime | None:
    """When the quarter of an hour begins in which anything was recorded first; None: nothing is."""
    sql, arguments = _SQL["first"].bind({})
    found: datetime | None = await db.fetchval(sql, *arguments)
    return found


def _cell(row: dict[str, Any]) -> Cell:
    return Cell(number=row["bucket"] - 1, key=row["key"], **counters_of(row))


def _call(row: dict[str, Any]) -> Cell:
    return Cell(
        number=row["bucket"] - 1,
        key=row["tool"],
        requests=row["calls"],
        failed_requests=row["errors"],
        tool_calls=row["calls"],
        cost_usd=None,
    )


def together(cells: Iterable[Counters]) -> Counters:
    """Counters added up. The cost is null where a price is missing and all that is known comes to nothing."""
    found = list(cells)
    costs = [cell.cost_usd for cell in found]
    cost = sum(known for known in costs if known is not None)
    sums = map(sum, zip(*map(_COUNTED, found), strict=True))
    return Counters(
        **dict(zip(_COUNTED_NAMES, sums, strict=False)),
        cost_usd=cost if cost or None not in costs else None,
    )
