"""Figures and times in few characters."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plait.dashboard.islands import words
from plait.dashboard.islands.words import Clock, zone_of

NOW = datetime(2026, 11, 21, 14, 0, tzinfo=UTC)
CLOCK = Clock(zone_of("Europe/Berlin"), NOW)


@pytest.mark.parametrize(
    ("number", "text"),
    [
        *((0, "0"), (7, "7"), (999, "999"), (1000, "1.0k"), (25_240, "25.2k"), (99_949, "99.9k"), (130_400, "130k")),
        *((999_400, "999k"), (999_600, "1.0M"), (9_412_000, "9.4M"), (437_000_000, "437M"), (2_100_000_000, "2.1B")),
    ],
)
def test_numbers_are_short(number: int, text: str) -> None:
    assert words.short(number) == text


@given(st.integers(0, 10**12 - 1))
def test_short_numbers_are_true_and_at_most_five_characters(number: int) -> None:
    text = words.short(number)
    step = {"k": 1e3, "M": 1e6, "B": 1e9}.get(text[-1], 1)
    assert len(text) <= 5
    assert abs(float(text.rstrip("kMB")) * step - number) <= number * 0.05


def test_a_figure_tells_the_exact_number_on_hover() -> None:
    assert words.figure(25_240) == '<span title="25,240">25.2k</span>'
    assert words.figure(7) == "7"
    assert "–" in words.figure(None)


@pytest.mark.parametrize(
    ("usd", "text"),
    [
        *((0.0, "$0"), (0.00001, "<$0.0001"), (0.0042, "$0.0042"), (0.00996, "$0.010"), (0.111, "$0.111")),
        *((0.9996, "$1.00"), (7.738, "$7.74"), (334.63, "$334.63"), (999.996, "$1.0k"), (12_345.0, "$12.3k")),
    ],
)
def test_costs_are_short(usd: float, text: str) -> None:
    assert words.money(usd) == text


def test_a_cost_tells_all_of_it_on_hover() -> None:
    assert words.dollars(0.1109432) == '<span title="$0.1109432">$0.111</span>'
    assert words.dollars(1234.5) == '<span title="$1,234.5">$1.2k</span>'
    assert words.dollars(0.25) == '<span title="$0.25">$0.250</span>'
    assert words.dollars(0) == "$0"
    assert "–" in words.dollars(None)


@pytest.mark.parametrize(
    ("part", "whole", "text"),
    [
        *((0, 0, "–"), (0, 5, "0 %"), (1, 10**6, "0.1 %"), (4, 1000, "0.4 %"), (93, 100, "93 %")),
        *((999, 1000, "99.9 %"), (99_999, 100_000, "99.9 %"), (5, 5, "100 %")),
    ],
)
def test_shares_hide_neither_the_little_nor_what_is_missing(part: float, whole: float, text: str) -> None:
    assert words.share(part, whole) == text


@pytest.mark.parametrize(
    ("ms", "text"),
    [
        *((0, "0 ms"), (641.4, "641 ms"), (999.6, "1.0 s"), (2940, "2.9 s"), (59_960, "1m 0s"), (290_000, "4m 50s")),
        *((3_599_600, "1h 0m"), (6_780_000, "1h 53m"), (183_600_000, "2d 3h"), (None, "–")),
    ],
)
def test_durations_are_short(ms: float | None, text: str) -> None:
    assert words.span(ms) == text


@pytest.mark.parametrize(
    ("back", "text"),
    [
        (timedelta(seconds=-5), "just now"),
        (timedelta(seconds=59), "just now"),
        (timedelta(minutes=17), "17 min ago"),
        (timedelta(hours=3, minutes=59), "3 h ago"),
        (timedelta(days=1, hours=2), "1 day ago"),
        (timedelta(days=6), "6 days ago"),
        (timedelta(days=30), "22 Oct 2026"),
    ],
)
def test_how_long_ago(back: timedelta, text: str) -> None:
    assert f">{text}</time>" in CLOCK.ago(NOW - back)


def test_times_are_the_readers_and_exact_on_hover() -> None:
    moment = datetime(2026, 7, 4, 21, 30, 5, 123_000, tzinfo=UTC)
    exact = 'datetime="2026-07-04T21:30:05.123+00:00" title="Saturday 4 July 2026, 23:30:05.123 CEST"'
    assert CLOCK.at(moment) == f"<time {exact}>4 Jul 23:30:05</time>"


def test_another_year_is_named() -> None:
    assert ">31 Dec 2025 23:59:00<" in Clock(zone_of(None), NOW).at(datetime(2025, 12, 31, 23, 59, tzinfo=UTC))


@pytest.mark.parametrize("name", [None, "", "Nowhere/Land", "../../etc/passwd", "/etc/passwd"])
def test_an_unknown_zone_is_utc(name: str | None) -> None:
    assert zone_of(name).key == "UTC"


@pytest.mark.parametrize(
    ("model", "short"),
    [
        ("claude-haiku-4-5-20251001", "haiku-4-5"),
        ("claude-opus-5-5", "opus-5-5"),
        ("gpt-x", "gpt-x"),
        ("20251001", "20251001"),
        (None, "no model"),
    ],
)
def test_models_are_known_by_their_family(model: str | None, short: str) -> None:
    assert words.short_model(model) == short


@pytest.mark.parametrize(("size", "text"), [(0, "0 B"), (999, "999 B"), (1300, "1.3 kB"), (999_950, "1.0 MB")])
def test_sizes(size: int, text: str) -> None:
    assert words.bytes_of(size) == text


@pytest.mark.parametrize(
    ("name", "read"),
    [
        ("main", "main"),
        ("subtask_12", "sub-task 12"),
        ("branch_20261121145907", "branch 21 Nov 15:59:07"),
        ("branch_20260704233000_2", "branch 5 Jul 01:30:00 (2)"),
        ("compact_081931", "compaction 21 Nov 09:19:31"),
        ("branch_20261399145907", "branch_20261399145907"),
        ("branch_of_mine", "branch_of_mine"),
    ],
)
def test_branches_have_names_to_read(name: str, read: str) -> None:
    assert CLOCK.branch(name, NOW) == read


@pytest.mark.parametrize(
    ("name", "near", "read"),
    [
        ("compact_235958", datetime(2026, 11, 22, 0, 0, 3, tzinfo=UTC), "compaction 21 Nov 23:59:58"),
        ("compact_000001", datetime(2026, 11, 21, 23, 59, 59, tzinfo=UTC), "compaction 22 Nov 00:00:01"),
    ],
)
def test_a_compaction_is_of_the_day_that_is_nearest(name: str, near: datetime, read: str) -> None:
    assert Clock(zone_of("UTC"), NOW).branch(name, near) == read


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (NOW + timedelta(hours=3), ">18:00<"),
        (NOW + timedelta(hours=10), ">Sun 22 Nov 01:00<"),
        (NOW - timedelta(days=2), ">Thu 19 Nov 15:00<"),
        (NOW + timedelta(days=60), ">Wed 20 Jan 2027 15:00<"),
    ],
)
def test_what_is_near_is_told_by_the_minute(moment: datetime, text: str) -> None:
    assert text in CLOCK.at_minute(moment)
