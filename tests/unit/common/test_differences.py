"""Differences of lists and texts."""

from __future__ import annotations

import difflib
import time
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from plait.common.differences import changes, unified

LINES = st.lists(st.sampled_from("abcd"), max_size=30)


@given(LINES, LINES)
def test_changes_make_one_of_the_other(before: list[str], after: list[str]) -> None:
    made: list[str] = []
    at = 0
    for change in changes(before, after):
        made += [*before[at : change.a], *after[change.b : change.b_end]]
        at = change.a_end
        assert before[change.a : change.a_end] != after[change.b : change.b_end]
    assert made + before[at:] == after


@given(LINES, LINES)
def test_a_diff_can_be_applied(before: list[str], after: list[str]) -> None:
    diff = list(unified(before, after, ("a", "b")))
    assert bool(diff) == (before != after)
    assert applied(before, diff) == after


def applied(before: Sequence[str], diff: Sequence[str]) -> list[str]:
    """What `patch` would make of it: checks that each line that is kept or removed stands where the diff says."""
    made: list[str] = []
    at = 0
    for line in diff[2:]:
        if line.startswith("@@"):
            start, _, length = line.split()[1].removeprefix("-").partition(",")
            first = int(start) - (length != "0")
            made, at = [*made, *before[at:first]], first
        elif line[0] == "+":
            made.append(line[1:])
        else:
            assert before[at] == line[1:]
            made += [line[1:]] if line[0] == " " else []
            at += 1
    return [*made, *before[at:]]


def test_it_is_written_as_everybody_writes_it() -> None:
    before, after = [f"line {n}" for n in range(40)], [f"line {n}" for n in range(1, 41) if n not in (20, 30)]
    wanted = [line.rstrip("\n") for line in difflib.unified_diff(before, after, "a", "b", lineterm="")]
    assert list(unified(before, after, ("a", "b"))) == wanted


def test_hostile_texts_take_no_longer_than_a_moment() -> None:
    before = ["x"] * 20_000
    after = [line for n in range(10_000) for line in ("x", f"y{n}")]
    started = time.process_time()
    assert [change.b_end - change.b for change in changes(before, after)] == [19_999]
    assert changes(before[:900], after[:900])[-1].a_end == 900
    assert time.process_time() - started < 20
