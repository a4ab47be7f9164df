"""Pauses between starts."""

from __future__ import annotations

from plait.cli.pauses import LONGEST, Pauses


def test_at_once_then_growing_up_to_five_seconds_for_ever() -> None:
    pauses = Pauses()
    assert [pauses.after(0.1) for _ in range(7)] == [0, 0.25, 0.5, 1, 2, 4, 5]
    assert {pauses.after(0.1) for _ in range(2000)} == {LONGEST}


def test_one_that_ran_for_long_begins_anew() -> None:
    pauses = Pauses()
    for _ in range(5):
        pauses.after(0.1)
    assert (pauses.after(60), pauses.ends) == (0, 1)
