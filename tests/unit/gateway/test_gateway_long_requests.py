"""A request that goes into its record piece by piece is the same record."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from plait.gateway.spool.frames import Frame, Kind, LongFrame, frame_at
from plait.gateway.spool.reader import SpoolReader
from plait.gateway.spool.records import LongRequest, Request, from_frame
from plait.gateway.spool.segments import START
from plait.gateway.spool.writer import SpoolWriter

EXCHANGE = b"e" * 16
MEGA = 1 << 20
REQUEST = Request(1_700_000_000.5, "d.test", "POST", "/v1/messages", "", [(b"a", b"b")], b"", "tag", None, None, "ci")
pieces = st.lists(st.one_of(st.binary(max_size=40), st.integers(1, 70_000).map(bytes)), max_size=12)


def made(parts: list[bytes], *, missing: int = 0) -> LongFrame | Request:
    request = LongRequest(EXCHANGE, REQUEST, sum(map(len, parts)) + missing)
    for part in parts:
        request.add(part)
    return request.record()


@given(pieces)
def test_it_is_read_back_as_one(parts: list[bytes]) -> None:
    long = made(parts)
    assert isinstance(long, LongFrame)
    frame = frame_at(b"".join(long.parts), 0)
    assert frame is not None
    assert frame == long.joined()
    assert frame.size == long.size
    assert from_frame(frame) == replace(REQUEST, body=b"".join(parts))


@given(pieces, st.integers(1, 100))
def test_of_one_that_broke_off_there_is_what_came(parts: list[bytes], missing: int) -> None:
    assert made(parts, missing=missing) == replace(REQUEST, body=b"".join(parts))


@pytest.mark.parametrize("count", [1, 600, 1500])
def test_one_of_many_pieces_is_written_whole_and_in_its_place(tmp_path: Path, count: int) -> None:
    writer = SpoolWriter(tmp_path, segment_bytes=MEGA, max_bytes=1000 * MEGA)
    long = made([b"%5d" % number * 8000 for number in range(count)])
    assert isinstance(long, LongFrame)
    before, behind = Frame(Kind.PIECE, b"o" * 16, b"before"), Frame(Kind.END, EXCHANGE, b"behind")
    assert not writer.append_many([before, long, behind])
    writer.close()
    reader = SpoolReader(tmp_path, START, settled=True)
    assert [frame for frame in iter(reader.next, None) if frame.kind != Kind.LIFE] == [before, long.joined(), behind]
    reader.close()
    assert reader.damaged == 0


def test_one_without_room_is_dropped_whole(tmp_path: Path) -> None:
    writer = SpoolWriter(tmp_path, segment_bytes=MEGA, max_bytes=MEGA)
    long = made([bytes(MEGA)])
    assert isinstance(long, LongFrame)
    assert writer.append_many([long]) == {EXCHANGE}
    assert writer.dropped == {"full": 1}
    writer.close()
