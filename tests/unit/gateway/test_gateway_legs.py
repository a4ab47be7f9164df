"""Shipping a spool in two stretches at once: each exchange's events are those of one stretch, in their order."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import tempfile
from collections import defaultdict
from contextlib import suppress
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plait.common.errors import DependencyDown
from plait.common.events import ExchangeEvent, ResponseEvent
from plait.gateway.shipper import leg as legs
from plait.gateway.shipper.docks import Docks
from plait.gateway.shipper.journal import Journal
from plait.gateway.shipper.leg import Leg
from plait.gateway.shipper.progress import Hold
from plait.gateway.spool.frames import HEAD, Frame
from plait.gateway.spool.reader import SpoolReader
from plait.gateway.spool.records import End, Ending, Head, Piece, Record, Request, to_frame
from plait.gateway.spool.segments import SET_ASIDE, START, Position, segment_numbers, segment_path
from plait.gateway.spool.writer import SpoolWriter

MEGA = 1 << 20
STREAM = Head(5.0, 200, [(b"content-type", b"text/event-stream")])
RECORDS: list[Record] = [STREAM, Piece(6.0, b"data: 1\n\n"), Piece(7.0, b"data: 2\n\n"), End(9.0, Ending.WHOLE)]
STEPS = st.lists(st.lists(st.integers(0, 3), max_size=12), max_size=3)


class Published:
    """Takes events instead of a broker."""

    def __init__(self, fails_after: int = -1) -> None:
        self._left = fails_after
        self.events: dict[UUID, list[ExchangeEvent]] = defaultdict(list)
        self.flushed = 0
        self.refused: set[bytes] = set()

    async def publish(self, hold: Hold, event: ExchangeEvent) -> None:
        if self._left == 0:
            raise DependencyDown
        self._left -= 1
        hold.sent()
        hold.unacknowledged -= 1
        self.events[event.data.exchange_id].append(event)

    async def flush(self) -> None:
        self.flushed += 1

    def told(self) -> dict[UUID, list[str]]:
        """By exchange, its events, how its answer ended, and the bytes of its chunks, however they were batched."""
        return {key: [type(each).__name__ for each in events] for key, events in self.events.items()}

    def outcomes(self) -> dict[UUID, str]:
        ends = [each for events in self.events.values() for each in events if isinstance(each, ResponseEvent)]
        return {each.data.exchange_id: each.data.outcome for each in ends}


def request(name: bytes, started_at: float = 1_700_000_000.0) -> Frame:
    return to_frame(name, Request(started_at, "d.test", "POST", "/v1/messages", "", [], b"{}"))


def leg(directory: Path, published: Published, journal: Journal, start: Position, until: Position | None = None) -> Leg:
    return Leg(directory, start, published, journal, until=until)  # type: ignore[arg-type] # a broker's stand-in


def write(directory: Path, lives: list[list[int]]) -> None:
    """Each life is a run of steps: step `n` writes the next record of its exchange number `n`."""
    for number, life in enumerate(lives):
        writer = SpoolWriter(directory, segment_bytes=400, max_bytes=64 * MEGA)
        done: dict[int, int] = defaultdict(int)
        for which in life:
            name = bytes([number, which, done[which] // 5]) + bytes(13)
            step = done[which] % 5
            writer.append(request(name) if step == 0 else to_frame(name, RECORDS[step - 1]))
            done[which] += 1
        writer.close()
    SpoolWriter(directory, segment_bytes=400, max_bytes=64 * MEGA).close()


def places(directory: Path) -> list[Position]:
    reader = SpoolReader(directory, START, settled=True)
    found = [reader.position]
    while reader.next() is not None:
        found.append(reader.position)
    reader.close()
    return found


async def ship(leg: Leg) -> None:
    while await leg.ship_some(3):
        await leg.send_what_waits()


@given(STEPS, st.data())
@settings(max_examples=60, deadline=None)  # files on a busy disk take their time
def test_two_stretches_tell_what_one_tells(lives: list[list[int]], data: st.DataObject) -> None:
    async def both(directory: Path) -> None:
        journal = Journal(directory)
        whole, parted = Published(), Published()
        await ship(leg(directory, whole, journal, START))
        split = data.draw(st.sampled_from(places(directory)))
        before, now = leg(directory, parted, journal, START, split), leg(directory, parted, journal, split)
        now.has_leg_before = True
        for first in data.draw(st.permutations([now, before])):
            await ship(first)
        assert before.reader.is_through or before.reader.position == split
        await now.join(before)
        await ship(now)
        assert parted.told() == whole.told()
        assert parted.outcomes() == whole.outcomes()
        end = places(directory)[-1]
        assert now.progress.resume_point(end, lambda _: True) == end
        now.reader.close()
        journal.close()

    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder), lives)
        asyncio.run(both(Path(folder)))


@given(STEPS, st.integers(0, 30))
@settings(max_examples=40, deadline=None)  # files on a busy disk take their time
def test_after_a_broken_connection_each_exchange_is_sent_again_in_its_order(lives: list[list[int]], fails: int) -> None:
    """What a consumer sees is a beginning of each exchange's events, and then all of those that were not done."""

    async def twice(directory: Path) -> None:
        journal = Journal(directory)
        whole, first, second = Published(), Published(fails), Published()
        await ship(leg(directory, whole, journal, START))
        broken = leg(directory, first, journal, START)
        with suppress(DependencyDown):
            await ship(broken)
        resume = broken.progress.resume_point(broken.reader.position, lambda _: True)
        await ship(leg(directory, second, journal, resume))
        for key, events in whole.told().items():
            begun = first.told().get(key, [])
            assert begun == events[: len(begun)]
            again = second.told().get(key, [])
            assert again == events or (not again and begun == events)
        journal.close()

    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder), lives)
        asyncio.run(twice(Path(folder)))


async def test_what_no_event_can_be_made_of_is_set_aside_whole(tmp_path: Path) -> None:
    bad, good = b"b" * 16, b"g" * 16
    writer = SpoolWriter(tmp_path, segment_bytes=MEGA, max_bytes=64 * MEGA)
    frames = [request(bad, started_at=1e20), request(good)]
    frames += [to_frame(name, record) for record in RECORDS for name in (bad, good)]
    writer.append_many(frames)
    writer.close()
    published, journal = Published(), Journal(tmp_path)
    shipping = leg(tmp_path, published, journal, START)
    await ship(shipping)
    assert list(published.outcomes()) == [UUID(bytes=good)]
    assert kept(tmp_path) == [frame for frame in frames if frame.exchange == bad]
    end = shipping.reader.position
    assert shipping.progress.resume_point(end, lambda _: True) == end, "it holds up nothing"
    journal.close()


async def test_what_turns_out_bad_where_two_stretches_meet_is_set_aside_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("plait.gateway.shipper.exchange.judge", None)
    name = b"b" * 16
    writer = SpoolWriter(tmp_path, segment_bytes=MEGA, max_bytes=64 * MEGA)
    frames = [request(name), *(to_frame(name, record) for record in RECORDS)]
    writer.append_many(frames)
    writer.close()
    place = places(tmp_path)[2]
    published, journal = Published(), Journal(tmp_path)
    before, now = leg(tmp_path, published, journal, START, place), leg(tmp_path, published, journal, place)
    now.has_leg_before = True
    for each in (now, before):
        await ship(each)
    await now.join(before)
    assert kept(tmp_path) == frames
    assert now.running == 0
    now.reader.close()
    journal.close()


async def test_what_the_broker_never_takes_is_set_aside(tmp_path: Path) -> None:
    big, good = b"b" * 16, b"g" * 16
    writer = SpoolWriter(tmp_path, segment_bytes=MEGA, max_bytes=64 * MEGA)
    frames = [to_frame(name, record) for record in RECORDS for name in (big, good)]
    writer.append_many([request(big), request(good), *frames])
    writer.close()
    published, journal = Published(), Journal(tmp_path)
    published.refused.add(big)
    await ship(leg(tmp_path, published, journal, START))
    assert list(published.outcomes()) == [UUID(bytes=good)]
    assert len(kept(tmp_path)) == 5
    journal.close()


def kept(directory: Path) -> list[Frame]:
    reader = SpoolReader(directory / SET_ASIDE, START, settled=True)
    found = list(iter(reader.next, None))
    reader.close()
    return found


async def test_an_answer_that_lost_a_record_to_damage_is_not_whole(tmp_path: Path) -> None:
    name, other = b"n" * 16, b"o" * 16
    writer = SpoolWriter(tmp_path, segment_bytes=MEGA, max_bytes=64 * MEGA)
    frames = [request(name), *(to_frame(name, record) for record in RECORDS)]
    writer.append_many([*frames, request(other), *(to_frame(other, record) for record in RECORDS)])
    writer.close()
    path = segment_path(tmp_path, segment_numbers(tmp_path)[0])
    raw = bytearray(path.read_bytes())
    raw[HEAD.size + sum(frame.size for frame in frames[:3]) - 1] ^= 1  # the last byte of the first piece
    path.write_bytes(raw)
    SpoolWriter(tmp_path, segment_bytes=MEGA, max_bytes=64 * MEGA).close()
    published, journal = Published(), Journal(tmp_path)
    await ship(leg(tmp_path, published, journal, START))
    by_name = {key.bytes: events[-1] for key, events in published.events.items()}
    hurt, whole = by_name[name].data, by_name[other].data
    assert hurt.error.type == "capture_lost"  # type: ignore[union-attr]
    assert whole.error.type != "capture_lost"  # type: ignore[union-attr]
    journal.close()


@pytest.mark.parametrize(("split", "is_ahead"), [(2, True), (4, False)])
async def test_an_answer_that_lost_a_record_in_one_stretch_and_ended_in_the_other_is_not_whole(
    tmp_path: Path, split: int, is_ahead: bool
) -> None:
    """The first piece is damaged: where the second stretch begins with it, and where that begins with the end."""
    name = b"n" * 16
    writer = SpoolWriter(tmp_path, segment_bytes=MEGA, max_bytes=64 * MEGA)
    frames = [request(name), *(to_frame(name, record) for record in RECORDS)]
    writer.append_many(frames)
    writer.close()
    (first,) = segment_numbers(tmp_path)
    raw = bytearray(segment_path(tmp_path, first).read_bytes())
    raw[HEAD.size + sum(frame.size for frame in frames[:3]) - 1] ^= 1
    segment_path(tmp_path, first).write_bytes(raw)
    SpoolWriter(tmp_path, segment_bytes=MEGA, max_bytes=64 * MEGA).close()
    place = Position(first, HEAD.size + sum(frame.size for frame in frames[:split]))
    published, journal = Published(), Journal(tmp_path)
    before, now = leg(tmp_path, published, journal, START, place), leg(tmp_path, published, journal, place)
    now.has_leg_before = True
    if is_ahead:
        await ship(now)
    await ship(before)
    await now.join(before)
    await ship(now)
    ended = published.events[UUID(bytes=name)][-1]
    assert ended.data.error.type == "capture_lost"  # type: ignore[union-attr]
    now.reader.close()
    journal.close()


async def test_an_exchange_whose_end_was_damaged_ends_when_it_has_been_silent_for_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = b"n" * 16
    writer = SpoolWriter(tmp_path, segment_bytes=MEGA, max_bytes=64 * MEGA)
    writer.append_many([request(name), *(to_frame(name, record) for record in RECORDS)])
    path = segment_path(tmp_path, segment_numbers(tmp_path)[0])
    raw = bytearray(path.read_bytes())
    raw[-1] ^= 1
    path.write_bytes(raw)
    writer.close()
    writer = SpoolWriter(tmp_path, segment_bytes=MEGA, max_bytes=64 * MEGA)
    writer.close()
    now = 1000.0
    monkeypatch.setattr("plait.gateway.shipper.leg.time.monotonic", lambda: now)
    published, journal = Published(), Journal(tmp_path)
    shipping = leg(tmp_path, published, journal, START, Position(segment_numbers(tmp_path)[1], 0))
    await ship(shipping)
    assert shipping.running == 1
    now += legs._SILENT_SECONDS + 1
    await shipping.send_what_waits()
    assert shipping.running == 0
    assert published.events[UUID(bytes=name)][-1].data.error.type == "capture_lost"  # type: ignore[union-attr]
    journal.close()


_DIE = """
import os, signal, sys
from pathlib import Path
from plait.gateway.shipper.journal import Journal
journal = Journal(Path(sys.argv[1]))
for exchange in sys.argv[2:]:
    journal.take(bytes.fromhex(exchange))
os.kill(os.getpid(), signal.SIGKILL)
"""


def die_with(directory: Path, *exchanges: bytes) -> None:
    """A process of its own that is killed with the last of these in hand."""
    argv = [sys.executable, "-c", _DIE, str(directory), *(one.hex() for one in exchanges)]
    assert subprocess.run(argv, check=False).returncode == -signal.SIGKILL


async def test_what_the_shipper_died_of_three_times_is_set_aside_and_the_rest_is_shipped(tmp_path: Path) -> None:
    bad, good = b"b" * 16, b"g" * 16
    writer = SpoolWriter(tmp_path, segment_bytes=MEGA, max_bytes=64 * MEGA)
    frames = [request(good), request(bad)]
    frames += [to_frame(name, record) for record in RECORDS for name in (bad, good)]
    writer.append_many(frames)
    writer.close()
    for _ in range(3):
        die_with(tmp_path, good, bad)
    published, journal = Published(), Journal(tmp_path)
    assert journal.culprit == bad
    await ship(leg(tmp_path, published, journal, START))
    assert list(published.outcomes()) == [UUID(bytes=good)]
    assert kept(tmp_path) == [frame for frame in frames if frame.exchange == bad]
    assert published.flushed, "while one is suspected nothing else is on its way"
    assert journal.suspect is None
    journal.close()
    again = Journal(tmp_path)
    await ship(leg(tmp_path, published, again, START))
    assert UUID(bytes=bad) not in published.outcomes(), "it stays set aside"
    again.close()


async def test_what_waits_for_its_answer_is_not_blamed_for_what_kills_the_shipper_in_another_spool(
    tmp_path: Path,
) -> None:
    waits = b"w" * 16
    writer = SpoolWriter(tmp_path, segment_bytes=MEGA, max_bytes=64 * MEGA)
    writer.append(request(waits))
    die_with(tmp_path, waits)
    for _ in range(4):
        killed = Journal(tmp_path)
        await ship(leg(tmp_path, Published(), killed, START))
    assert Journal(tmp_path).culprit is None
    writer.close()


def test_deaths_with_different_exchanges_in_hand_blame_none(tmp_path: Path) -> None:
    for name in (b"a", b"b", b"a", b"b"):
        die_with(tmp_path, name * 16)
    journal = Journal(tmp_path)
    assert (journal.suspect, journal.culprit) == (b"b" * 16, None)
    journal.close()
    assert Journal(tmp_path).suspect == b"b" * 16, "until it is through"


def test_who_was_in_hand_is_suspected_until_all_is_through(tmp_path: Path) -> None:
    die_with(tmp_path, b"a" * 16)
    docks = Docks(tmp_path)
    (journal,) = docks.look().values()
    docks.rest(through=False)
    assert journal.suspect == b"a" * 16
    docks.rest(through=True)
    assert journal.suspect is None
    docks.close()


def test_ending_with_nothing_in_hand_is_no_death(tmp_path: Path) -> None:
    for _ in range(4):
        journal = Journal(tmp_path)
        journal.take(b"a" * 16)
        journal.close()
    assert Journal(tmp_path).suspect is None
