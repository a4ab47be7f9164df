"""The figures over a list, each with its small trend."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from markupsafe import Markup

from plait.common.buckets import Span, Unit
from plait.common.queries.usage import Counters, UsageRow, sum_usage, usage_by_time
from plait.dashboard.database import read
from plait.dashboard.islands.sparkline import Shape, sparkline
from plait.dashboard.islands.words import money, short
from plait.dashboard.views.filters import Filters

BEGINNING: Final = datetime(2000, 1, 1, tzinfo=UTC)
"""Before anything was recorded."""
_TREND_OF_ALL: Final = timedelta(days=30)
"""What the trend shows where the figures are those of all time."""
_HOURLY: Final = timedelta(days=8)
"""Up to so long spans are told apart by hours, longer ones by days."""
_STRETCHES: Final = 30
"""Stretches of a trend, at most."""


@dataclass(frozen=True)
class Trends:
    """What was used in the time asked for, and how it went."""

    total: Counters
    rows: Sequence[UsageRow]
    """By hours or days, oldest first."""
    unit: Unit

    @property
    def starts(self) -> list[datetime]:
        """When the stretches of the trend begin."""
        return [run[0].start for run in self._runs() if isinstance(run[0].start, datetime)]

    def trend(self, name: str, counter: str, shape: Shape = "line") -> Markup:
        """The trend of one of the counters."""
        values = [sum(getattr(row, counter) or 0 for row in run) for run in self._runs()]
        return self.draw(values, name, money if counter == "cost_usd" else short, shape)

    def draw(
        self, values: Sequence[float], name: str, told: Callable[[float], str] = short, shape: Shape = "line"
    ) -> Markup:
        """The trend of values, one for each stretch."""
        if not any(values):
            return Markup("")
        return sparkline(values, f"{name} {self._each()}: {told(min(values))} to {told(max(values))}", shape)

    def _runs(self) -> list[Sequence[UsageRow]]:
        return [self.rows[at : at + self._step()] for at in range(0, len(self.rows), self._step())]

    def _step(self) -> int:
        return max(1, -(-len(self.rows) // _STRETCHES))

    def _each(self) -> str:
        step = self._step()
        return f"a{'n' if self.unit == 'hour' else ''} {self.unit}" if step == 1 else f"in {step} {self.unit}s"


def trends(filters: Filters) -> Trends:
    """Those of the exchanges that began in the time asked for and pass the filters that sums know."""
    now = datetime.now(UTC)
    until = min(filters.until or now, now)
    since = filters.since or until - _TREND_OF_ALL
    unit: Unit = "hour" if until - since <= _HOURLY else "day"
    span = Span(since, filters.until)
    rows = read(usage_by_time, unit, span, filters.usage, zone=filters.zone, now=now)
    total = read(sum_usage, Span(filters.since or BEGINNING, filters.until), filters.usage)
    return Trends(total, rows, unit)


def cached_share(total: Counters) -> float | None:
    """The part of all prompts that was read from the cache, 0 to 1."""
    prompt = total.input_tokens + total.cache_read_input_tokens + total.cache_creation_input_tokens
    return total.cache_read_input_tokens / prompt if prompt else None
