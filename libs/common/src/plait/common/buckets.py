"""Days and hours of a time zone, as moments at which they begin.

Sums are kept in slots of a quarter of an hour, and clocks are set on quarters of an hour: so each hour and day of every
zone is made of whole slots, also where an hour is half as long, comes twice, or begins at half past by UTC.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from typing import Final, Literal
from zoneinfo import ZoneInfo, available_timezones

Unit = Literal["day", "hour"]

SLOT: Final = timedelta(minutes=15)
_HOUR: Final = timedelta(hours=1)
_DAY: Final = timedelta(days=1)
_LATEST: Final = datetime.max.replace(tzinfo=UTC) - SLOT
_ORIGIN: Final = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Span:
    """A stretch of time, from a moment until before another; None: without end."""

    since: datetime
    until: datetime | None = None

    @property
    def first(self) -> datetime:
        """Where its whole slots begin; what comes before is part of one."""
        whole = floor(self.since)
        if whole != self.since and self.since < _LATEST:
            whole += SLOT
        first = max(whole, self.since)
        return first if self.until is None else min(first, self.until)

    @property
    def last(self) -> datetime | None:
        """Where they end."""
        return None if self.until is None else max(self.first, floor(self.until))


def floor(at: datetime) -> datetime:
    """The beginning of the slot that a moment is in."""
    return at - (at - _ORIGIN) % SLOT


@cache
def zones() -> frozenset[str]:
    """Names of time zones that are known here."""
    return frozenset(available_timezones())


def starts(unit: Unit, since: datetime, until: datetime, zone: ZoneInfo) -> list[datetime]:
    """When the days or hours begin that have moments from `since` until before `until`; the first may begin earlier."""
    begin = since.astimezone(UTC)  # steps on other clocks would be steps of the clock, not of time
    return list((_days if unit == "day" else _hours)(begin, max(until, begin + timedelta.resolution), zone))


def midnight(at: datetime, zone: ZoneInfo) -> datetime:
    """When the day began that a moment is in."""
    return _begins(at.astimezone(zone).date(), zone)


def label(unit: Unit, start: datetime, zone: ZoneInfo) -> str:
    """A day as its date; an hour as the time it begins at on the zone's clocks, with their difference from UTC."""
    local = start.astimezone(zone)
    return local.date().isoformat() if unit == "day" else local.isoformat().replace("+00:00", "Z")


def _days(since: datetime, until: datetime, zone: ZoneInfo) -> Iterator[datetime]:
    day = since.astimezone(zone).date()
    while (start := _begins(day, zone)) < until:
        if start.astimezone(zone).date() == day:  # else it was skipped, as 2011-12-30 was in Samoa
            yield start
        day += _DAY


def _begins(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), zone).astimezone(UTC)


def _hours(since: datetime, until: datetime, zone: ZoneInfo) -> Iterator[datetime]:
    start = _hour_of(since, zone)
    while start < until:
        yield start
        following = (start + _HOUR).astimezone(zone)
        if following.minute == 0 and following.utcoffset() == start.astimezone(zone).utcoffset():
            start += _HOUR  # as nearly always
        else:
            start = _hour_of(start + _HOUR - _past(start, zone), zone)


def _hour_of(at: datetime, zone: ZoneInfo) -> datetime:
    """When the hour began: all its moments show the same hour on clocks that are set the same."""
    start = at - _past(at, zone)
    while _shown(start, zone) != _shown(at, zone):
        start += SLOT
    return start


def _past(at: datetime, zone: ZoneInfo) -> timedelta:
    local = at.astimezone(zone)
    return timedelta(minutes=local.minute, seconds=local.second, microseconds=local.microsecond)


def _shown(at: datetime, zone: ZoneInfo) -> tuple[date, int, timedelta | None]:
    local = at.astimezone(zone)
    return local.date(), local.hour, local.utcoffset()
