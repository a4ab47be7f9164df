"""What was used day by day: the table of a page, and the same to take away."""

from __future__ import annotations

import csv
import io
from bisect import bisect
from collections.abc import Sequence
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


def days_of(cells: Sequence[Cell], stretches: Stretches) -> list[tuple[str, Counters]]:
    """The days (or weeks) that had anything with all they had, the latest first; a week by its first day."""
    held = _by_day(cells, stretches)
    return [(day, together(own)) for day, own in sorted(held.items(), reverse=True)]


def table_of(cells: Sequence[Cell], stretches: Stretches, apart: Apart) -> str:
    """The days by key, oldest first, as CSV with a head; the key is empty where there is none.

    What a table program would take for a formula begins with an apostrophe.
    """
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["date", apart, *COLUMNS])
    for day, own in sorted(_by_day(cells, stretches).items()):
        keys: dict[str, list[Cell]] = {}
        for cell in own:
            keys.setdefault(cell.key or "", []).append(cell)
        for key, held in sorted(keys.items()):
            used = together(held)
            writer.writerow([day, _plain(key), *(_cell(getattr(used, name)) for name in COLUMNS)])
    return text.getvalue()


def _by_day(cells: Sequence[Cell], stretches: Stretches) -> dict[str, list[Cell]]:
    """Cells of hours put together to days; those of days and weeks as they are."""
    begins = stretches.days if stretches.unit == "hour" else stretches.begins
    dates = [label("day", begin, stretches.zone) for begin in begins]
    places = [dates[max(bisect(begins, begin) - 1, 0)] for begin in stretches.begins]
    held: dict[str, list[Cell]] = {}
    for cell in cells:
        held.setdefault(places[cell.number], []).append(cell)
    return held


def _plain(key: str) -> str:
    return f"'{key}" if key.startswith(_FORMULA) else key


def _cell(value: float | None) -> str:
    return "" if value is None else f"{value:.10f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)
