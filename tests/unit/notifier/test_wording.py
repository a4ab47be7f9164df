"""Texts cut to size, and figures for people."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plait.notifier.wording import CUT, MOST_CHARACTERS, MOST_LINES, cut, dollars, one_line, percent, span


@settings(deadline=None)
@given(st.text(), st.integers(1, 30), st.integers(1, 80))
def test_what_is_kept_is_the_beginning_and_says_that_it_was_cut(text: str, lines: int, characters: int) -> None:
    shown = cut(text, lines=lines, characters=characters)
    if shown == text:
        return
    kept, newline, mark = shown.rpartition("\n")
    assert (newline, mark) == ("\n", CUT)
    assert text.startswith(kept)
    assert len(kept) <= characters
    assert len(kept.split("\n")) <= lines


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\n" * 19 + "b", "a\n" * 19 + "b"),
        ("a\n" * 20 + "b", "a\n" * 20 + CUT),
        ("x" * MOST_CHARACTERS, "x" * MOST_CHARACTERS),
        ("x" * (MOST_CHARACTERS + 1), "x" * MOST_CHARACTERS + "\n" + CUT),
        ("", ""),
    ],
)
def test_twenty_lines_or_three_thousand_characters(text: str, shown: str) -> None:
    assert MOST_LINES == 20
    assert cut(text) == shown


@settings(deadline=None)
@given(st.text(), st.integers(2, 50))
def test_one_line_is_one(text: str, most: int) -> None:
    shown = one_line(text, most)
    assert len(shown) <= most
    assert len(shown.splitlines()) <= 1


@pytest.mark.parametrize(
    ("cost", "shown"),
    [("0", "$0.00"), ("0.0004", "$0.0004"), ("0.01", "$0.01"), ("0.314", "$0.31"), ("12345.678", "$12,345.68")],
)
def test_dollars(cost: str, shown: str) -> None:
    assert dollars(Decimal(cost)) == shown


def test_what_is_not_reached_is_not_said_to_be() -> None:
    assert (percent(Decimal("0.9499")), percent(Decimal("0.95"))) == ("94 %", "95 %")


@pytest.mark.parametrize(
    ("length", "shown"),
    [
        (timedelta(seconds=59), "less than a minute"),
        (timedelta(minutes=72), "1 h 12 min"),
        (timedelta(hours=5), "5 h"),
        (timedelta(days=6, hours=3, minutes=5), "6 d 3 h"),
    ],
)
def test_spans(length: timedelta, shown: str) -> None:
    assert span(length) == shown
