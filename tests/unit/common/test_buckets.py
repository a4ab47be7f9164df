"""Days and hours of every zone against a model that looks at each quarter of an hour."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import groupby
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plait.common.buckets import SLOT, Span, Unit, floor, label, midnight, starts

BERLIN = ZoneInfo("Europe/Berlin")
ZONES = [
    "UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Asia/Kathmandu", "Pacific/Chatham",
    "Australia/Lord_Howe", "America/St_Johns", "America/Havana", "America/Santiago", "Asia/Beirut", "Pacific/Apia",
    "Africa/Casablanca", "America/Sao_Paulo",
]  # fmt: skip
FIRST = datetime(2011, 1, 1, tzinfo=UTC)
QUARTERS_OF_YEARS = 16 * 366 * 96


def shown(unit: Unit, at: datetime, zone: ZoneInfo) -> tuple[date, int, timedelta | None]:
    local = at.astimezone(zone)
    return (local.date(), 0, None) if unit == "day" else (local.date(), local.hour, local.utcoffset())


def model(unit: Unit, since: datetime, quarters: int, zone: ZoneInfo) -> list[datetime]:
    """The first quarter of each run that shows the same day, or hour; begun early enough to find the first's begin."""
    every = [since + n * SLOT for n in range(-120, quarters)]
    runs = [next(run) for _, run in groupby(every, key=lambda at: shown(unit, at, zone))]
    return [begin for begin, after in zip(runs, [*runs[1:], None], strict=True) if after is None or after > since]


@given(
    zone=st.sampled_from(ZONES).map(ZoneInfo),
    unit=st.sampled_from(["day", "hour"]),
    first=st.integers(0, QUARTERS_OF_YEARS),
    quarters=st.integers(1, 600),
)
def test_they_begin_where_clocks_say_so(zone: ZoneInfo, unit: Unit, first: int, quarters: int) -> None:
    since = FIRST + first * SLOT
    assert starts(unit, since, since + quarters * SLOT, zone) == model(unit, since, quarters, zone)


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("Europe/Berlin", "2026-03-29", 23), ("Europe/Berlin", "2026-10-25", 25), ("Europe/Berlin", "2026-11-21", 24),
        ("Australia/Lord_Howe", "2026-04-05", 25), ("Asia/Kathmandu", "2026-11-21", 24),
    ],
)  # fmt: skip
def test_hours_of_a_day(zone: str, day: str, hours: int) -> None:
    begin = datetime.fromisoformat(day).replace(tzinfo=ZoneInfo(zone))
    end = (datetime.fromisoformat(day) + timedelta(days=1)).replace(tzinfo=ZoneInfo(zone))
    assert len(starts("hour", begin.astimezone(UTC), end.astimezone(UTC), ZoneInfo(zone))) == hours
    assert len(starts("hour", begin, end, ZoneInfo(zone))) == hours, "whatever clock the moments are told by"


def test_an_hour_that_comes_twice_has_two_names() -> None:
    found = starts("hour", datetime(2026, 10, 25, 0, tzinfo=UTC), datetime(2026, 10, 25, 2, tzinfo=UTC), BERLIN)
    assert [label("hour", at, BERLIN) for at in found] == ["2026-10-25T02:00:00+02:00", "2026-10-25T02:00:00+01:00"]


def test_a_day_that_was_skipped_is_none() -> None:
    zone = ZoneInfo("Pacific/Apia")
    found = starts("day", datetime(2011, 12, 29, 12, tzinfo=UTC), datetime(2011, 12, 31, 12, tzinfo=UTC), zone)
    assert [label("day", at, zone) for at in found] == ["2011-12-29", "2011-12-31", "2012-01-01"]


def test_names_in_utc() -> None:
    at = datetime(2026, 11, 21, 13, tzinfo=UTC)
    assert label("hour", at, ZoneInfo("UTC")) == "2026-11-21T13:00:00Z"
    assert label("day", midnight(at, BERLIN), BERLIN) == "2026-11-21"


@given(
    since=st.integers(0, 10_000_000).map(lambda seconds: FIRST + timedelta(seconds=seconds)),
    length=st.integers(0, 100_000) | st.none(),
)
def test_a_span_is_its_whole_slots_and_what_is_cut_off(since: datetime, length: int | None) -> None:
    span = Span(since, None if length is None else since + timedelta(seconds=length))
    assert span.since <= span.first < span.since + SLOT
    if span.until is None or span.last is None:
        assert span.first == floor(span.first)
        assert span.last is span.until is None
        return
    assert span.since <= span.first <= span.last <= span.until < span.last + SLOT
    if span.first < span.last:
        assert (floor(span.first), floor(span.last)) == (span.first, span.last)


@pytest.mark.parametrize("since", [datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)])
def test_spans_from_the_ends_of_time(since: datetime) -> None:
    assert Span(since).first >= since
