"""The week at a glance and the figures beside it, against sums made the long way; stretches of any zone's days."""

from __future__ import annotations

import itertools
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plait.common.buckets import starts
from plait.dashboard.islands.stretches import UNITS, Unit, cut, days_before, unit_for
from plait.dashboard.islands.week import WEEKDAYS, Hours, pace_of, week_of

EARLY = datetime(2011, 1, 1, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")
ZONES = [BERLIN, *map(ZoneInfo, ("UTC", "Asia/Kathmandu", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia"))]
zones = st.sampled_from(ZONES)
moments = st.integers(0, 16 * 365 * 24 * 4).map(lambda quarters: EARLY + timedelta(minutes=15 * quarters))
lengths = st.integers(1, 24 * 9).map(lambda hours: timedelta(hours=hours))
few = settings(max_examples=30, deadline=None)


@dataclass(frozen=True)
class Used:
    """Hours of a zone that had a few things each, over and over; made when they are asked for, for a short name."""

    since: datetime
    length: timedelta
    zone: ZoneInfo
    values: tuple[int, ...]

    @property
    def hours(self) -> Hours:
        begins = starts("hour", self.since, self.since + self.length, self.zone)
        return [(begin, float(value)) for begin, value in zip(begins, itertools.cycle(self.values), strict=False)]


used_hours = st.builds(Used, moments, lengths, zones, st.lists(st.integers(0, 5), min_size=1, max_size=31).map(tuple))


@few
@given(used_hours)
def test_the_week_is_what_one_would_count_by_hand(used: Used) -> None:
    week = week_of(used.hours, used.zone)
    own: dict[str, list[tuple[str, float]]] = defaultdict(list)
    for at, value in used.hours:
        local = at.astimezone(used.zone)
        own[f"{local:%A %H}"].append((f"{local:%x}", value))
    for day, name in enumerate(WEEKDAYS):
        for hour in range(24):
            there = own[f"{name} {hour:02d}"]
            expected = sum(value for _, value in there) / len({date for date, _ in there}) if there else None
            assert week.cells[day][hour] == expected
    assert week.highest == max((value for row in week.cells for value in row if value is not None), default=0)


@few
@given(used_hours, st.timedeltas(timedelta(), timedelta(hours=1)))
def test_the_pace_is_what_one_would_count_by_hand(used: Used, into_the_last: timedelta) -> None:
    hours = used.hours
    now = hours[-1][0] + into_the_last
    pace = pace_of(hours, now)
    assert pace.total == sum(n for _, n in hours)
    assert pace.active == len([n for _, n in hours if n])
    assert pace.hours == len(hours)
    assert pace.average * max((now - hours[0][0]).total_seconds() / 3600, 1) == pytest.approx(pace.total)
    if pace.total:
        assert pace.peak_at == next(at for at, n in hours if n == max(n for _, n in hours))
    else:
        assert pace.peak_at is None


def test_an_hour_that_comes_twice_counts_as_one_of_its_day() -> None:
    begins = starts("hour", datetime(2026, 10, 25, 0, tzinfo=UTC), datetime(2026, 10, 25, 2, tzinfo=UTC), BERLIN)
    week = week_of([(at, 3.0) for at in begins], BERLIN)
    assert week.cells[6][2] == 6.0
    assert week.cells[6][3] is None


@few
@given(st.sampled_from(UNITS), moments, lengths, zones)
def test_stretches_cover_their_time_without_gaps(
    unit: Unit, since: datetime, length: timedelta, zone: ZoneInfo
) -> None:
    stretches = cut(unit, since, since + length, zone)
    assert stretches.begins[0] <= since < stretches.ends[0]
    assert stretches.ends[-1] >= since + length
    assert stretches.begins[-1] < since + length
    assert all(begin < end for begin, end in zip(stretches.begins, stretches.ends, strict=True))
    assert len(set(stretches.names)) == len(stretches.names) or unit == "hour"


@few
@given(st.sampled_from(["day", "week"]), moments, lengths, zones)
def test_days_and_weeks_begin_at_midnight_and_weeks_on_mondays(
    unit: Unit, since: datetime, length: timedelta, zone: ZoneInfo
) -> None:
    stretches = cut(unit, since, since + length, zone)
    for number, begin in enumerate(stretches.begins):
        local = begin.astimezone(zone)
        assert (local - timedelta(minutes=1)).date() != local.date()
        assert unit == "day" or not number or local.weekday() == 0


def test_days_of_clock_changes_have_23_and_25_hours() -> None:
    march = cut("day", datetime(2026, 3, 28, 12, tzinfo=UTC), datetime(2026, 3, 29, 12, tzinfo=UTC), BERLIN)
    october = cut("day", datetime(2026, 10, 24, 12, tzinfo=UTC), datetime(2026, 10, 25, 12, tzinfo=UTC), BERLIN)
    assert [(end - begin) / timedelta(hours=1) for begin, end in zip(march.begins, march.ends, strict=True)] == [24, 23]
    assert (october.until - october.begins[-1]) / timedelta(hours=1) == 25


def test_names_say_day_and_hour_and_tell_the_hour_that_comes_twice_apart() -> None:
    night = cut("hour", datetime(2026, 10, 24, 23, tzinfo=UTC), datetime(2026, 10, 25, 2, tzinfo=UTC), BERLIN)
    assert night.names == ["Sun 25 Oct, 01:00–02:00", "Sun 25 Oct, 02:00–02:00", "Sun 25 Oct, 02:00–03:00"]
    assert cut("day", night.begins[0], night.begins[0], BERLIN).names == ["Sunday 25 October"]
    assert cut("week", datetime(2026, 11, 3, tzinfo=UTC), datetime(2026, 11, 10, tzinfo=UTC), BERLIN).names == [
        "3 Nov – 8 Nov",
        "9 Nov – 10 Nov",
    ]


@pytest.mark.parametrize(
    ("asked", "days", "unit"),
    [
        *(
            ("", 1, "hour"),
            ("", 7, "hour"),
            ("", 30, "day"),
            ("", 500, "week"),
            ("day", 7, "day"),
            ("week", 30, "week"),
        ),
        *(("hour", 30, "hour"), ("hour", 60, "day"), ("hour", 500, "week"), ("day", 500, "week"), ("<b>", 7, "hour")),
    ],
)
def test_no_unit_makes_more_bars_than_can_be_told_apart(asked: str, days: int, unit: Unit) -> None:
    since = datetime(2026, 1, 1, tzinfo=UTC)
    assert unit_for(asked, since, since + timedelta(days=days)) == unit


@few
@given(moments, zones, st.integers(1, 40))
def test_so_many_days_end_today(now: datetime, zone: ZoneInfo, count: int) -> None:
    since = days_before(count, now, zone)
    hours = range(int((now - since) / timedelta(hours=1)) + 1)
    today = now.astimezone(zone).date()
    days = {today, *((since + timedelta(hours=n)).astimezone(zone).date() for n in hours)}
    assert max(days) == today
    assert len(days) in (count, count - 1)  # one less where a day was skipped


def test_ticks_are_days_or_the_hours_of_a_day() -> None:
    since = datetime(2026, 11, 16, tzinfo=BERLIN).astimezone(UTC)
    week = cut("hour", since, since + timedelta(days=7), BERLIN)
    assert [tick.label for tick in week.ticks] == [
        *("Mon 16", "Tue 17", "Wed 18", "Thu 19", "Fri 20", "Sat 21", "Sun 22"),
    ]
    day = cut("hour", since, since + timedelta(days=1), BERLIN)
    assert [tick.label for tick in day.ticks][:3] == ["00:00", "03:00", "06:00"]
