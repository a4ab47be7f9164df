"""The week at a glance: what each hour of each weekday had, on average, and the figures that go with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

WEEKDAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_HOURS: Final = 24
_HOUR: Final = timedelta(hours=1)

Hours = Sequence[tuple[datetime, float]]
"""Every hour of a time, those without anything too: when it begins, and what it had."""


@dataclass(frozen=True)
class Week:
    """Means of 7 days by 24 hours; None where the time has no such hour."""

    cells: list[list[float | None]]
    highest: float
    """The highest mean."""


@dataclass(frozen=True)
class Pace:
    """How the hours of a time were used."""

    total: float
    average: float
    """An hour, over the time that has passed (at least an hour), with the hours that had nothing."""
    peak: float
    peak_at: datetime | None
    """When the busiest hour began, the first of several; None: all were without anything."""
    active: int
    """Hours that had anything."""
    hours: int


def week_of(hours: Hours, zone: ZoneInfo) -> Week:
    """The means of the hours that show the same weekday and hour on the zone's clocks.

    An hour that comes twice, when clocks are set back, counts as one: both had what it had.
    """
    sums: dict[tuple[int, int], float] = {}
    days: dict[tuple[int, int], set[object]] = {}
    for begin, value in hours:
        local = begin.astimezone(zone)
        place = (local.weekday(), local.hour)
        sums[place] = sums.get(place, 0.0) + value
        days.setdefault(place, set()).add(local.date())
    means = {place: total / len(days[place]) for place, total in sums.items()}
    cells = [[means.get((day, hour)) for hour in range(_HOURS)] for day in range(len(WEEKDAYS))]
    return Week(cells, max(means.values(), default=0.0))


def pace_of(hours: Hours, now: datetime) -> Pace:
    """Total, average, peak and active hours; of the hour that `now` is in, only what has passed of it counts."""
    total = sum(value for _, value in hours)
    passed = (min(now, hours[-1][0] + _HOUR) - hours[0][0]) / _HOUR if hours else 0.0
    peak_at, peak = max(hours, key=lambda hour: hour[1], default=(None, 0.0))
    return Pace(
        total=total,
        average=total / max(passed, 1.0),
        peak=peak,
        peak_at=peak_at if peak else None,
        active=sum(value > 0 for _, value in hours),
        hours=len(hours),
    )
