"""Time as the pages of figures cut it: hours, days and weeks of the reader's zone, with names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Final, Literal, get_args
from zoneinfo import ZoneInfo

from plait.common.buckets import Unit as BucketUnit
from plait.common.buckets import midnight, starts
from plait.dashboard.islands.charts import Tick, day_ticks, hour_ticks

Unit = Literal["hour", "day", "week"]
UNITS: Final[tuple[Unit, ...]] = get_args(Unit)

_DAY: Final = timedelta(days=1)
_MONDAY: Final = 0
_MOST: Final[dict[Unit, int]] = {"hour": 31, "day": 400}
"""The longest time, in days, that is still cut that finely; more bars could not be told apart."""
_USUAL_HOURS: Final = 8
"""So many days are cut into hours unless one asks otherwise."""


@dataclass(frozen=True)
class Stretches:
    """Stretches of time that follow one another."""

    unit: Unit
    zone: ZoneInfo
    begins: Sequence[datetime]
    """At least one."""
    until: datetime
    """Where the last one ends."""

    @property
    def ends(self) -> list[datetime]:
        """When each is over."""
        return [*self.begins[1:], self.until]

    @property
    def names(self) -> list[str]:
        """Each in words: Sun 15 Nov, 09:00–10:00."""
        return [_name(self.unit, *map(self._local, pair)) for pair in zip(self.begins, self.ends, strict=True)]

    @property
    def days(self) -> list[datetime]:
        """When the days begin that they are in."""
        return starts("day", self.begins[0], self.until, self.zone)

    @property
    def ticks(self) -> list[Tick]:
        """What stands at the axis of a chart: the days, or the hours of a day or two."""
        if len(self.days) <= 2:
            return hour_ticks(starts("hour", self.begins[0], self.until, self.zone), self.zone)
        days = [day for day in self.days if day >= self.begins[0]]
        return day_ticks(days if self.unit != "week" else self.begins, self.zone)

    def _local(self, at: datetime) -> datetime:
        return at.astimezone(self.zone)


def cut(unit: Unit, since: datetime, until: datetime, zone: ZoneInfo) -> Stretches:
    """The stretches that a time is made of, all of each day or hour that it begins or ends in."""
    finer: BucketUnit = "hour" if unit == "hour" else "day"
    found = starts(finer, since, until, zone)
    end = starts(finer, found[-1], found[-1] + 3 * _DAY, zone)[1]
    begins = [at for number, at in enumerate(found) if unit != "week" or not number or _is_monday(at, zone)]
    return Stretches(unit, zone, begins, end)


def unit_for(asked: str, since: datetime, until: datetime) -> Unit:
    """The unit that was asked for, or the usual one; a coarser one where the time is too long for it."""
    days = (until - since) / _DAY
    usual: Unit = "hour" if days <= _USUAL_HOURS else "day"
    wanted = next((unit for unit in UNITS if unit == asked), usual)
    finer = [unit for unit, most in _MOST.items() if days > most]
    return wanted if wanted not in finer else UNITS[len(finer)]


def days_before(count: int, now: datetime, zone: ZoneInfo) -> datetime:
    """When the first of so many days began, of which the last is today."""
    noon = datetime.combine(now.astimezone(zone).date() - (count - 1) * _DAY, time(12), zone)
    return midnight(noon, zone)


def _is_monday(at: datetime, zone: ZoneInfo) -> bool:
    return at.astimezone(zone).weekday() == _MONDAY


def _name(unit: Unit, begin: datetime, end: datetime) -> str:
    if unit == "hour":
        return f"{begin:%a} {begin.day} {begin:%b}, {begin:%H:%M}–{end:%H:%M}"
    if unit == "day":
        return f"{begin:%A} {begin.day} {begin:%B}"
    last = end - timedelta(hours=12)
    return f"{begin.day} {begin:%b} – {last.day} {last:%b}"
