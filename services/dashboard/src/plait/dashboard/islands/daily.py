"""What was used day by day: the table of a page, and the same to take away."""

from __future__ import annotations

import csv
import io
from bisect import bisect
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from plait.common.buckets import label
from plait.common.queries.series import Apart, Cell, together
from plait.common.queries.usage import Counters
from plait.dashboard.islands.stretches import Stretches

COLUMNS: Final = (
    "requests", "failed_requests", "input_tokens", "output_tokens", "cache_read_input_tokens",
    "cache_creation_input_tokens", "total_tokens", "tool_calls", "cost_usd", "subscription_cost_usd",
    "unpriced_requests",
)  # fmt: skip
"""Of the table that is taken away; fields of `Counters`."""
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True)
class Days:
    """The days (or weeks) of a time that had anything."""

    apart: Apart
    totals: list[tuple[str, Counters]]
    """The latest first, by its date; a week by that of its first day."""
    rows: list[tuple[str, str, Counters]]
    """The same by key, oldest first; an empty key where there is none."""


def days_of(cells: Sequence[Cell], stretches: Stretches, apart: Apart) -> Days:
    """Cells of hours put together to days; those of days and weeks as they are."""
    begins = stretches.days if stretches.unit == "hour" else stretches.begins
    dates = [label("day", begin, stretches.zone) for begin in begins]
    held: dict[str, dict[str, list[Cell]]] = {}
    for cell in cells:
        day = dates[max(bisect(begins, stretches.begins[cell.number]) - 1, 0)]
        held.setdefault(day, {}).setdefault(cell.key or "", []).append(cell)
    rows = [(day, key, together(own)) for day, keys in sorted(held.items()) for key, own in sorted(keys.items())]
    totals = [(day, together(one for own in keys.values() for one in own)) for day, keys in held.items()]
    return Days(apart, sorted(totals, reverse=True, key=lambda row: row[0]), rows)


def table_of(days: Days) -> str:
    """The rows as CSV with a head. What a table program would take for a formula begins with an apostrophe."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["date", days.apart, *COLUMNS])
    for day, key, used in days.rows:
        shown = f"'{key}" if key.startswith(_FORMULA) else key
        writer.writerow([day, shown, *(_cell(getattr(used, name)) for name in COLUMNS)])
    return text.getvalue()


def _cell(value: float | None) -> str:
    return "" if value is None else f"{value:.10f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)
