"""Windows against a model that walks through every minute."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plait.common.windows import Span, anchored, full_at, spans_told, trailing

START = datetime(2026, 11, 21, tzinfo=UTC)
LENGTH = 10
"""Minutes; the model walks through each."""
MINUTES = st.integers(0, 120)


def at(minute: float) -> datetime:
    return START + timedelta(minutes=minute)


def walked(uses: set[int], ends: set[int]) -> list[tuple[int, int]]:
    """The windows that were used, as (begin, end): minute by minute, with what is open then."""
    told: dict[int, range] = {}
    for end in sorted(ends):
        told[end] = range(max(end - LENGTH, *told, end - LENGTH), end)
    found: list[tuple[int, int]] = []
    closes = -1
    for minute in range(121):
        inside = next((span for span in told.values() if minute in span), None)
        if minute in uses and minute >= closes:
            if inside:
                window = (inside.start, inside.stop)
            else:
                later = [span.start for span in told.values() if span.start > minute]
                window = (minute, min([minute + LENGTH, *later]))
            found.append(window)
            closes = window[1]
    return found


@given(st.sets(MINUTES, max_size=30), st.sets(MINUTES, max_size=5))
def test_windows_are_those_of_a_walk(uses: set[int], ends: set[int]) -> None:
    found = anchored(sorted(map(at, uses)), map(at, ends), timedelta(minutes=LENGTH))
    assert [(span.starts, span.ends) for span in found] == [(at(a), at(b)) for a, b in walked(uses, ends)]


@given(st.sets(MINUTES, max_size=30), st.sets(MINUTES, max_size=5))
def test_every_use_is_in_one_window_and_every_window_is_used(uses: set[int], ends: set[int]) -> None:
    found = anchored(sorted(map(at, uses)), map(at, ends), timedelta(minutes=LENGTH))
    for use in uses:
        assert sum(span.starts <= at(use) < span.ends for span in found) == 1
    assert all(any(span.starts <= at(use) < span.ends for use in uses) for span in found)
    assert all(span.ends - span.starts <= timedelta(minutes=LENGTH) for span in found)


def test_a_told_end_stands_over_the_first_use() -> None:
    five = timedelta(hours=5)
    assert anchored([at(60)], [at(330)], five) == [Span(at(30), at(330), told=True)]
    assert anchored([at(60)], [], five) == [Span(at(60), at(360), told=False)]
    assert spans_told([at(300), at(400)], five) == [Span(at(0), at(300), told=True), Span(at(300), at(400), told=True)]


@given(st.lists(st.tuples(MINUTES, st.integers(0, 1000)), max_size=30), st.lists(MINUTES, max_size=20))
def test_trailing_sums_are_the_sums_of_what_came_before(points: list[tuple[int, int]], moments: list[int]) -> None:
    found = trailing(
        [(at(minute), amount) for minute, amount in sorted(points)],
        [at(moment) for moment in sorted(moments)],
        timedelta(minutes=LENGTH),
    )
    assert found == [
        sum(amount for minute, amount in points if moment - LENGTH <= minute < moment) for moment in sorted(moments)
    ]


@pytest.mark.parametrize(
    ("used", "limit", "ends", "wanted"),
    [
        (50, 100, None, 120),
        (50, 100, 150, 120),
        (50, 100, 120, None),  # the window ends just then
        (100, 100, 150, 60),  # full now
        (150, 100, None, 60),
        (0, 100, None, None),
        (1e-300, 1e300, None, None),
        (25, 100, None, 240),
    ],
)
def test_a_limit_is_reached_at_the_pace_so_far(used: float, limit: float, ends: int | None, wanted: int | None) -> None:
    found = full_at(used, limit, at(0), at(60), None if ends is None else at(ends))
    assert found == (None if wanted is None else at(wanted))


def test_without_time_there_is_no_pace() -> None:
    assert full_at(1, 100, at(60), at(60)) is None


@given(st.integers(1, 10**9), st.integers(1, 10**9), st.integers(1, 1000))
def test_it_is_full_then_and_not_before(used: int, limit: int, minutes: int) -> None:
    found = full_at(used, limit, at(0), at(minutes))
    if used >= limit:
        assert found == at(minutes)
    elif found:
        then = used * ((found - at(0)) / timedelta(minutes=minutes))
        assert then == pytest.approx(limit, rel=1e-6)
