"""The spool's bounds: a full or failing disk loses captures, by reason, and nothing that was written before."""

from __future__ import annotations

import asyncio
import errno
import os
import resource
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from plait.common.errors import UserError
from plait.gateway.spool.frames import Frame, Kind
from plait.gateway.spool.reader import SpoolReader
from plait.gateway.spool.segments import START, has, segment_numbers, segment_path
from plait.gateway.spool.writer import SpoolWriter

MEGA = 1 << 20


def frame(kind: Kind, size: int = 1000, exchange: bytes = b"x" * 16) -> Frame:
    return Frame(kind, exchange, b"p" * size)


def read(directory: Path) -> list[Frame]:
    reader = SpoolReader(directory, START, settled=True)
    found = list(iter(reader.next, None))
    assert reader.damaged == 0
    reader.close()
    return found


@contextmanager
def disk_of(size: int) -> Iterator[None]:
    """Files of this process cannot grow beyond `size`: a write across it is short, the next one fails."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_spool_takes_no_new_exchange_but_ends_those_it_has(tmp_path: Path) -> None:
    writer = SpoolWriter(tmp_path, segment_bytes=MEGA, max_bytes=2 * MEGA)
    begun = frame(Kind.REQUEST, 1_800_000)
    assert writer.append(begun)
    assert not writer.append(frame(Kind.REQUEST, 200_000))
    assert writer.append(frame(Kind.PIECE, 200_000))
    assert not writer.append(frame(Kind.PIECE, 200_000))
    assert writer.append(frame(Kind.END))
    assert writer.dropped == {"full": 2}
    assert writer.trouble == "full"
    writer.close()
    assert [found.kind for found in read(tmp_path)] == [Kind.REQUEST, Kind.PIECE, Kind.END]


def test_a_short_write_is_taken_back_and_the_next_record_stands_right_behind_the_last_whole_one(tmp_path: Path) -> None:
    writer = SpoolWriter(tmp_path, segment_bytes=MEGA, max_bytes=4 * MEGA)
    first, torn, last = (frame(Kind.PIECE, exchange=bytes([n]) * 16) for n in range(3))
    assert writer.append(first)
    with disk_of(1500):
        assert not writer.append(torn)
    assert writer.append(last)
    assert writer.dropped == {"disk": 1}
    writer.close()
    assert read(tmp_path) == [first, last]


def test_an_end_that_found_no_disk_is_written_before_the_next_record(tmp_path: Path) -> None:
    writer = SpoolWriter(tmp_path, segment_bytes=MEGA, max_bytes=4 * MEGA)
    request, end, later = frame(Kind.REQUEST), frame(Kind.END), frame(Kind.REQUEST, exchange=b"l" * 16)
    assert writer.append(request)
    with disk_of(1500):
        assert not writer.append(end)
    assert writer.append(later)
    writer.close()
    assert read(tmp_path) == [request, end, later]


def test_deleted_segments_make_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr("plait.gateway.spool.writer.time.monotonic", lambda: now)
    writer = SpoolWriter(tmp_path, segment_bytes=MEGA, max_bytes=2 * MEGA)
    assert writer.append(frame(Kind.REQUEST, 1_700_000))
    assert writer.append(frame(Kind.PIECE))
    assert not writer.append(frame(Kind.REQUEST, 300_000))
    oldest = segment_numbers(tmp_path)[0]
    (tmp_path / f"{oldest:020d}.segment").unlink()
    now += 2
    assert writer.append(frame(Kind.REQUEST, 300_000))
    writer.close()


@pytest.mark.parametrize("max_bytes", [MEGA, 4 * MEGA])
def test_a_spool_smaller_than_a_segment_fills_and_has_room_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, max_bytes: int
) -> None:
    now = 1000.0
    monkeypatch.setattr("plait.gateway.spool.writer.time.monotonic", lambda: now)
    writer = SpoolWriter(tmp_path, segment_bytes=64 * MEGA, max_bytes=max_bytes)
    shipped = SpoolReader(tmp_path, START)
    for _ in range(3):
        while writer.append(frame(Kind.REQUEST, 100_000)):
            pass
        now += 2
        assert not writer.append(frame(Kind.REQUEST, 100_000))
        while shipped.next():
            pass
        for number in segment_numbers(tmp_path):
            if number < shipped.position.segment:
                segment_path(tmp_path, number).unlink()
        now += 2
        assert writer.append(frame(Kind.REQUEST, 100_000))
    shipped.close()
    writer.close()


def test_a_spool_that_stays_full_makes_no_more_segments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr("plait.gateway.spool.writer.time.monotonic", lambda: now)
    writer = SpoolWriter(tmp_path, segment_bytes=64 * MEGA, max_bytes=MEGA)
    assert writer.append(frame(Kind.REQUEST, 900_000))
    for _ in range(50):
        now += 2
        assert not writer.append(frame(Kind.REQUEST, 900_000))
    assert len(segment_numbers(tmp_path)) == 2
    writer.close()


def test_a_spool_has_one_writer(tmp_path: Path) -> None:
    writer = SpoolWriter(tmp_path, segment_bytes=MEGA, max_bytes=4 * MEGA)
    with pytest.raises(UserError, match="has a writer already"):
        SpoolWriter(tmp_path, segment_bytes=MEGA, max_bytes=4 * MEGA)
    writer.close()
    SpoolWriter(tmp_path, segment_bytes=MEGA, max_bytes=4 * MEGA).close()


@pytest.mark.parametrize("refused", [errno.EROFS, errno.ENOSPC])
def test_a_disk_that_refuses_at_the_start_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refused: int
) -> None:
    def refusing(*_: object) -> int:
        raise OSError(refused, os.strerror(refused))

    with monkeypatch.context() as patch:
        patch.setattr("plait.gateway.spool.segments.os.open", refusing)
        writer = SpoolWriter(tmp_path / "spool", segment_bytes=MEGA, max_bytes=4 * MEGA)
        assert writer.trouble == "disk"
        assert not writer.append(frame(Kind.REQUEST))
    later = frame(Kind.REQUEST, exchange=b"l" * 16)
    assert writer.append(later)
    writer.close()
    assert read(tmp_path / "spool") == [later]


async def test_those_who_wait_for_the_disk_share_its_calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []
    fdatasync = os.fdatasync

    def counted(file: int) -> None:
        calls.append(os.fstat(file).st_size)
        fdatasync(file)

    monkeypatch.setattr("plait.gateway.spool.syncing.os.fdatasync", counted)
    writer = SpoolWriter(tmp_path, segment_bytes=64 * MEGA, max_bytes=640 * MEGA, always_syncs=True)
    sizes: list[int] = []

    async def answer(number: int) -> None:
        writer.append(frame(Kind.END, exchange=bytes([number]) * 16))
        size = segment_path(tmp_path, segment_numbers(tmp_path)[-1]).stat().st_size
        await writer.on_disk()
        sizes.append(max(calls) - size)

    await asyncio.gather(*(answer(n) for n in range(100)))
    assert min(sizes) >= 0, "each waited for a call that began after its record"
    assert len(calls) <= 3
    writer.close()


async def test_a_segment_that_was_left_is_synced_with_the_one_behind_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    monkeypatch.setattr("plait.gateway.spool.syncing.os.fdatasync", lambda file: synced.append(os.fstat(file).st_ino))
    writer = SpoolWriter(tmp_path, segment_bytes=1000, max_bytes=64 * MEGA, always_syncs=True)
    assert all(writer.append(frame(Kind.PIECE)) for _ in range(3))
    await writer.on_disk()
    inodes = [segment_path(tmp_path, number).stat().st_ino for number in segment_numbers(tmp_path)]
    assert synced == inodes
    assert len(inodes) == 3
    writer.close()


def test_a_spool_that_is_deleted_is_begun_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr("plait.gateway.spool.writer.time.monotonic", lambda: now)
    writer = SpoolWriter(tmp_path / "spool", segment_bytes=MEGA, max_bytes=4 * MEGA)
    assert writer.append(frame(Kind.REQUEST))
    shutil.rmtree(tmp_path / "spool")
    now += 2
    later = frame(Kind.REQUEST, exchange=b"l" * 16)
    assert writer.append(later)
    assert has(tmp_path / "spool", "writer")
    writer.close()
    assert read(tmp_path / "spool") == [later]


@pytest.mark.parametrize("always_syncs", [False, True])
def test_a_deleted_spool_whose_place_is_taken_is_begun_anew_as_soon_as_it_is_free(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, always_syncs: bool
) -> None:
    now = 1000.0
    monkeypatch.setattr("plait.gateway.spool.writer.time.monotonic", lambda: now)
    spool = tmp_path / "spool"
    writer = SpoolWriter(spool, segment_bytes=MEGA, max_bytes=4 * MEGA, always_syncs=always_syncs)
    shutil.rmtree(spool)
    spool.touch()
    now += 2
    assert not writer.append(frame(Kind.REQUEST))
    assert not writer.append(frame(Kind.REQUEST)), "what a deleted file would get, nobody would read"
    now += 2
    assert not writer.append(frame(Kind.REQUEST))
    spool.unlink()
    later = frame(Kind.REQUEST, exchange=b"l" * 16)
    assert writer.append(later)
    assert writer.dropped == {"disk": 3}
    writer.close()
    assert read(spool) == [later]
