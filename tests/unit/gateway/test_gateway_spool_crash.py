"""Whatever a crash or a bad disk does to a spool: what was whole is read back once and in order."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plait.gateway.spool.frames import HEAD, MAX_PAYLOAD, Frame, Kind, frame_head
from plait.gateway.spool.reader import SpoolReader
from plait.gateway.spool.records import End, Ending, from_frame
from plait.gateway.spool.segments import START, Position, bytes_between, segment_numbers, segment_path
from plait.gateway.spool.writer import SpoolWriter

MEGA = 1 << 20
PAYLOADS = st.lists(
    st.one_of(st.binary(max_size=40), st.just(b"\xf5Plt" * 9), st.binary(min_size=300, max_size=400)), max_size=12
)


def frames_of(payloads: list[bytes]) -> list[Frame]:
    return [Frame(Kind.PIECE, bytes([n]) * 16, payload) for n, payload in enumerate(payloads)]


def write(directory: Path, frames: list[Frame], segment_bytes: int = 256) -> None:
    writer = SpoolWriter(directory, segment_bytes=segment_bytes, max_bytes=64 * MEGA)
    assert all(writer.append(frame) for frame in frames)
    writer.close()


def read(directory: Path, *, settled: bool = True) -> list[Frame]:
    reader = SpoolReader(directory, START, settled=settled)
    found = list(iter(reader.next, None))
    reader.close()
    return found


def files(directory: Path) -> list[Path]:
    return [segment_path(directory, number) for number in segment_numbers(directory)]


def starts(frames: list[Frame]) -> list[int]:
    """Where each frame starts in the first segment, behind the writer's beginning, and where the last ends."""
    found = [HEAD.size]
    for frame in frames:
        found.append(found[-1] + frame.size)
    return found


@given(PAYLOADS)
@settings(deadline=None)
def test_what_was_appended_reads_back_in_order(payloads: list[bytes]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder), frames_of(payloads))
        assert read(Path(folder)) == frames_of(payloads)


@given(PAYLOADS, st.data())
@settings(max_examples=100, deadline=None)  # files on a busy disk take their time
def test_cut_anywhere_everything_before_the_cut_survives(payloads: list[bytes], data: st.DataObject) -> None:
    frames = frames_of(payloads)
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder)
        write(directory, frames, segment_bytes=MEGA)
        whole = files(directory)[0].read_bytes()
        cut = data.draw(st.integers(0, len(whole)))
        files(directory)[0].write_bytes(whole[:cut])
        survivors = [frame for frame, end in zip(frames, starts(frames)[1:], strict=True) if end <= cut]
        assert read(directory, settled=False) == survivors
        later = Frame(Kind.PIECE, b"z" * 16, b"written after the crash")
        write(directory, [later], segment_bytes=MEGA)
        assert read(directory) == [*survivors, later]


@given(PAYLOADS.filter(bool), st.data())
@settings(max_examples=100, deadline=None)  # files on a busy disk take their time
def test_a_flipped_byte_costs_its_own_record_and_no_other(payloads: list[bytes], data: st.DataObject) -> None:
    frames = frames_of(payloads)
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder)
        write(directory, frames, segment_bytes=MEGA)
        raw = bytearray(files(directory)[0].read_bytes())
        at = data.draw(st.integers(0, len(raw) - 1))
        raw[at] ^= data.draw(st.integers(1, 255))
        files(directory)[0].write_bytes(raw)
        begin = starts(frames)
        assert read(directory) == [one for n, one in enumerate(frames) if not begin[n] <= at < begin[n + 1]]


def test_a_record_that_holds_a_frame_is_one_record(tmp_path: Path) -> None:
    inner = Frame(Kind.PIECE, b"i" * 16, b"inner")
    outer = Frame(Kind.PIECE, b"o" * 16, frame_head(*inner) + inner.payload)
    write(tmp_path, [outer])
    assert read(tmp_path) == [outer]


def test_a_reader_waits_before_a_record_that_is_being_written(tmp_path: Path) -> None:
    writer = SpoolWriter(tmp_path, segment_bytes=MEGA, max_bytes=64 * MEGA)
    first, second = frames_of([b"first", b"second" * 50])
    writer.append(first)
    reader = SpoolReader(tmp_path, START)
    assert reader.next() == first
    whole = frame_head(*second) + second.payload
    with files(tmp_path)[0].open("ab") as torn:
        torn.write(whole[: HEAD.size + 7])
        torn.flush()
        assert reader.next() is None
        torn.write(whole[HEAD.size + 7 :])
        torn.flush()
        assert reader.next() == second
    assert reader.next() is None
    assert reader.damaged == 0
    writer.close()
    reader.close()


def test_an_exchange_open_at_a_crash_is_ended_as_lost_and_an_ended_one_is_not(tmp_path: Path) -> None:
    ended, left_open = b"e" * 16, b"o" * 16
    write(
        tmp_path,
        [
            Frame(Kind.REQUEST, ended, b""),
            Frame(Kind.REQUEST, left_open, b""),
            Frame(Kind.PIECE, left_open, b""),
            Frame(Kind.END, ended, b""),
        ],
    )
    SpoolWriter(tmp_path, segment_bytes=MEGA, max_bytes=64 * MEGA).close()
    last = read(tmp_path)[-1]
    assert last.exchange == left_open
    record = from_frame(last)
    assert isinstance(record, End)
    assert (record.ending, record.at_ms) == (Ending.GATEWAY_LOST, None)
    SpoolWriter(tmp_path, segment_bytes=MEGA, max_bytes=64 * MEGA).close()
    assert read(tmp_path)[-1] == last


def test_reading_goes_on_from_any_position(tmp_path: Path) -> None:
    frames = frames_of([bytes([n]) * 100 for n in range(10)])
    write(tmp_path, frames)
    reader = SpoolReader(tmp_path, START, settled=True)
    for n in range(len(frames)):
        resumed = SpoolReader(tmp_path, reader.position, settled=True)
        assert list(iter(resumed.next, None)) == frames[n:]
        resumed.close()
        reader.next()
    reader.close()


def test_a_writer_that_begins_reads_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Clients would wait meanwhile, for as long as a backlog is large."""
    write(tmp_path, frames_of([b"x" * 400] * 9))

    def read_at_all(*_: object) -> bytes:
        raise AssertionError("the spool was read")

    monkeypatch.setattr(os, "pread", read_at_all)
    monkeypatch.setattr(os, "read", read_at_all)
    write(tmp_path, frames_of([b"later"]))


@given(st.lists(st.lists(st.tuples(st.sampled_from([Kind.REQUEST, Kind.PIECE, Kind.END]), st.integers(0, 4)))))
@settings(max_examples=60, deadline=None)  # files on a busy disk take their time
def test_whatever_each_writer_left_open_is_ended_once_where_the_next_began(lives: list[list[tuple[Kind, int]]]) -> None:
    expected: list[tuple[int, int]] = []
    running: dict[int, None] = {}
    with tempfile.TemporaryDirectory() as folder:
        for life in [*lives, []]:
            expected += [(Kind.END, number) for number in running]
            running = {}
            write(Path(folder), [Frame(kind, bytes([number]) * 16, b"") for kind, number in life])
            for kind, number in life:
                expected.append((kind, number))
                if kind == Kind.REQUEST:
                    running[number] = None
                elif kind == Kind.END:
                    running.pop(number, None)
        assert [(frame.kind, frame.exchange[0]) for frame in read(Path(folder))] == expected


def test_a_damaged_length_reserves_no_more_than_the_file_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = frames_of([b"first" * 99, b"second" * 50])
    write(tmp_path, [first, second], segment_bytes=MEGA)
    raw = bytearray(files(tmp_path)[0].read_bytes())
    length = 2 * HEAD.size - 8
    raw[length : length + 4] = (MAX_PAYLOAD - 1).to_bytes(4, "big")
    files(tmp_path)[0].write_bytes(raw)
    asked: list[int] = []
    pread = os.pread

    def counted(file: int, size: int, offset: int) -> bytes:
        asked.append(size)
        return pread(file, size, offset)

    monkeypatch.setattr("plait.gateway.spool.reader.os.pread", counted)
    assert read(tmp_path) == [second]
    assert max(asked) <= len(raw)


def test_a_segment_that_a_power_cut_left_shorter_than_what_was_shipped_of_it_is_passed(tmp_path: Path) -> None:
    before, after = frames_of([b"x" * 100, b"y" * 100])
    write(tmp_path, [before])
    write(tmp_path, [after])
    beyond = Position(segment_numbers(tmp_path)[0], files(tmp_path)[0].stat().st_size + 500)
    reader = SpoolReader(tmp_path, beyond)
    assert [reader.next(), reader.next()] == [after, None]
    assert reader.damaged == 0
    reader.close()
    assert bytes_between(tmp_path, beyond) == files(tmp_path)[1].stat().st_size
