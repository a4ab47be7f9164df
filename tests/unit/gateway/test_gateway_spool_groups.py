"""Records that are written together: what fits is whole and in order, what does not is named and never half there."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plait.gateway.spool.frames import HEAD, Frame, Kind
from plait.gateway.spool.reader import SpoolReader
from plait.gateway.spool.records import Answer, End, Ending, from_frame, to_frame
from plait.gateway.spool.segments import START
from plait.gateway.spool.writer import SpoolWriter

MEGA = 1 << 20
KINDS = [Kind.REQUEST, Kind.HEAD, Kind.PIECE, Kind.END]
WHOLE = End(7.0, Ending.WHOLE)


def frame(kind: Kind, exchange: int, size: int = 0) -> Frame:
    name = bytes([exchange]) * 16
    return to_frame(name, WHOLE) if kind is Kind.END else Frame(kind, name, b"p" * size)


def exchange(number: int, size: int = 100) -> list[Frame]:
    return [frame(kind, number, size) for kind in KINDS]


def read(directory: Path) -> list[Frame]:
    reader = SpoolReader(directory, START, settled=True)
    found = list(iter(reader.next, None))
    assert reader.damaged == 0
    reader.close()
    return found


def spool(directory: Path, max_bytes: int = 64 * MEGA) -> SpoolWriter:
    return SpoolWriter(directory, segment_bytes=MEGA, max_bytes=max_bytes)


@contextmanager
def next_write_cut(size: int) -> Iterator[None]:
    """Of the next write only `size` bytes reach the file."""
    cuts = [size]
    writev = os.writev

    def short(file: int, parts: Sequence[bytes]) -> int:
        return writev(file, (b"".join(parts)[: cuts.pop()],)) if cuts else writev(file, parts)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("plait.gateway.spool.writer.os.writev", short)
        yield


def endings(frames: list[Frame]) -> dict[int, Ending]:
    ends = [(found.exchange[0], from_frame(found)) for found in frames if found.kind == Kind.END]
    return {number: end.ending for number, end in ends if isinstance(end, End)}


@given(st.lists(st.lists(st.tuples(st.sampled_from(KINDS), st.integers(0, 5), st.integers(0, 300)), max_size=40)))
@settings(max_examples=50, deadline=None)  # files on a busy disk take their time
def test_groups_read_back_in_order(groups: list[list[tuple[Kind, int, int]]]) -> None:
    written = [[frame(*what) for what in group] for group in groups]
    with tempfile.TemporaryDirectory() as folder:
        writer = spool(Path(folder))
        assert [writer.append_many(group) for group in written] == [frozenset()] * len(groups)
        found = SpoolReader(Path(folder), START, settled=True)
        assert list(iter(found.next, None)) == [one for group in written for one in group]
        found.close()
        writer.close()


def test_more_records_than_one_write_takes(tmp_path: Path) -> None:
    writer = spool(tmp_path)
    many = [frame(Kind.PIECE, n % 250, n % 7) for n in range(3000)]
    assert writer.append_many(many) == frozenset()
    writer.close()
    assert read(tmp_path) == many


@given(st.integers(0, 4 * HEAD.size + 400))
@settings(max_examples=60, deadline=None)  # files on a busy disk take their time
def test_a_write_cut_anywhere_keeps_whole_records_and_owes_the_end_of_what_was_begun(cut: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        writer = spool(Path(folder))
        group = exchange(1)
        fitting = [one for n, one in enumerate(group) if sum(each.size for each in group[: n + 1]) <= cut]
        with next_write_cut(cut):
            lost = writer.append_many(group)
        assert lost == (frozenset() if len(fitting) == 4 else {bytes([1]) * 16})
        writer.close()
        found = read(Path(folder))
        assert found[: len(fitting)] == fitting
        kinds = [one.kind for one in found]
        assert kinds == ([*[one.kind for one in fitting if one.kind != Kind.END], Kind.END] if fitting else [])
        whole = len(fitting) >= 3
        assert endings(found) == ({1: Ending.WHOLE if whole else Ending.CAPTURE_LOST} if fitting else {})


def test_of_a_short_group_the_other_exchanges_lose_nothing(tmp_path: Path) -> None:
    writer = spool(tmp_path)
    first, second = exchange(1), exchange(2)
    with next_write_cut(sum(one.size for one in first) + second[0].size + 5):
        assert writer.append_many([*first, *second]) == {second[0].exchange}
    third = exchange(3)
    assert writer.append_many(third) == frozenset()
    writer.close()
    found = read(tmp_path)
    assert found[:5] == [*first, second[0]]
    assert found[6:] == third
    assert endings(found) == {1: Ending.WHOLE, 2: Ending.CAPTURE_LOST, 3: Ending.WHOLE}
    assert writer.dropped == {"disk": 3}


def test_a_full_spool_says_which_of_a_group_it_did_not_take(tmp_path: Path) -> None:
    writer = spool(tmp_path, max_bytes=MEGA)
    begun = frame(Kind.REQUEST, 1, 900_000)
    assert writer.append_many([begun, frame(Kind.PIECE, 1, 20_000)]) == frozenset()
    group = [*exchange(2, 30_000), frame(Kind.PIECE, 1, 20_000), frame(Kind.PIECE, 1, 200_000), frame(Kind.END, 1)]
    assert writer.append_many(group) == {begun.exchange, group[0].exchange}
    writer.close()
    found = read(tmp_path)
    assert [(one.exchange[0], one.kind) for one in found] == [
        (1, Kind.REQUEST),
        (1, Kind.PIECE),
        (1, Kind.PIECE),
        (1, Kind.END),
    ]
    assert endings(found) == {1: Ending.CAPTURE_LOST}


@pytest.mark.parametrize("reason", ["full", "disk"])
def test_an_end_that_came_with_its_answer_goes_without_it_where_there_is_no_room(tmp_path: Path, reason: str) -> None:
    name = bytes([1]) * 16
    writer = spool(tmp_path, max_bytes=MEGA)
    assert writer.append(frame(Kind.REQUEST, 1, 900_000))
    end = to_frame(
        name, End(7.0, Ending.WHOLE, answer=Answer(200, [], b"a" * (200_000 if reason == "full" else 50_000)))
    )
    if reason == "disk":
        with next_write_cut(100):
            assert writer.append_many([end]) == {name}
    else:
        assert writer.append_many([end]) == {name}
    writer.close()
    last = from_frame(read(tmp_path)[-1])
    assert isinstance(last, End)
    assert (last.ending, last.answer) == (Ending.CAPTURE_LOST, None)
    assert writer.dropped == {reason: 1}
