"""Redaction on its way to the spool: in small steps, in each exchange's order, and never at the relay's cost."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import zstandard

from plait.gateway.redaction import NAMED, Pieces, Redactor
from plait.gateway.spool.reader import SpoolReader
from plait.gateway.spool.records import End, Ending, Head, Headers, Piece, Record, Request, from_frame
from plait.gateway.spool.redacting import RedactingSpool
from plait.gateway.spool.segments import START
from plait.gateway.spool.writer import SpoolWriter

MEGA = 1 << 20
ONE, OTHER = b"1" * 16, b"2" * 16
SECRET = b"sk-ant-api03-" + b"Zz9_" * 20
WHOLE = End(9.0, Ending.WHOLE)
HOSTILE = {
    "addresses": (b"a@" + b"b." * 8 + b"c" * 25 + b" ") * 40_000,
    "one long word": b"a" * 2 * MEGA,
    "keys that begin": b"-----BEGIN PRIVATE KEY-----" * 80_000,
    "marks of keys": b"sk-" * 700_000,
}


def asked(body: bytes = b"{}", *fields: tuple[bytes, bytes]) -> Request:
    return Request(1_700_000_000.0, "d.test", "POST", "/v1/messages", "", list(fields), body)


class Spool:
    """A redacting spool in a folder."""

    def __init__(self, directory: Path, *, max_bytes: int = 64 * MEGA) -> None:
        self.directory = directory
        self.writer = SpoolWriter(directory, segment_bytes=MEGA, max_bytes=max_bytes)
        self.redacting = RedactingSpool(self.writer, Redactor(NAMED))

    def records(self, exchange: bytes) -> list[Record]:
        reader = SpoolReader(self.directory, START, settled=True)
        found = [from_frame(frame) for frame in iter(reader.next, None) if frame.exchange == exchange]
        reader.close()
        return found


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    made = Spool(tmp_path)
    yield made
    made.writer.close()


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_step_is_short_whatever_the_body_is(kind: str) -> None:
    """Processor time; some milliseconds on the machine that this was made on."""
    pieces, body, longest = Pieces(Redactor(NAMED), ""), HOSTILE[kind][:MEGA], 0.0
    for at in range(0, len(body), 8 * 1024):
        began = time.process_time()
        pieces.take(body[at : at + 8 * 1024])
        longest = max(longest, time.process_time() - began)
    assert longest < 1


async def test_a_large_body_stops_nobody_and_holds_up_no_other_exchange(spool: Spool) -> None:
    spool.redacting.record(ONE, asked(HOSTILE["one long word"]))
    turns = 0
    for _ in range(3):
        spool.redacting.record(OTHER, Piece(1.0, b"x\n"))
    spool.redacting.record(OTHER, WHOLE)
    await spool.redacting.recorded(OTHER)
    assert spool.records(OTHER)[-1] == WHOLE
    assert spool.records(ONE) == [], "it is still being looked through"
    working = asyncio.ensure_future(spool.redacting.recorded(ONE))
    while not working.done():
        turns += 1
        await asyncio.sleep(0)
    assert turns > 100, "the loop went on turning"
    assert spool.records(ONE) == [asked(HOSTILE["one long word"])]


async def test_the_records_of_an_exchange_stay_in_their_order(spool: Spool) -> None:
    pieces = [b"data: %d %b\n" % (number, SECRET) * 2000 for number in range(5)]
    given: list[Record] = [
        asked(b"%b " % SECRET * 3000),
        Head(1.0, 200, []),
        *(Piece(2.0, piece) for piece in pieces),
        WHOLE,
    ]
    for record in given:
        assert spool.redacting.record(ONE, record)
    await spool.redacting.settle(30)
    request, head, *answer, end = spool.records(ONE)
    assert isinstance(request, Request)
    assert request.body == b"[redacted:api-keys] " * 3000
    assert (head, end) == (given[1], WHOLE)
    told = b"".join(piece.data for piece in answer if isinstance(piece, Piece))
    assert told == b"".join(pieces).replace(SECRET, b"[redacted:api-keys]")


async def test_unpacking_is_not_the_loops_work(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    def noting(pieces: Pieces, piece: bytes) -> bytes:
        threads.append(threading.current_thread())
        return decoded(pieces, piece)

    threads: list[threading.Thread] = []
    decoded = Pieces.decoded
    monkeypatch.setattr(Pieces, "decoded", noting)
    spool.redacting.record(ONE, asked(zstandard.compress(b"a b " * MEGA), (b"content-encoding", b"zstd")))
    await spool.redacting.recorded(ONE)
    assert spool.records(ONE) == [asked(b"a b " * MEGA)]
    assert len(threads) == 1
    assert threads[0] is not threading.current_thread()


async def test_what_has_no_room_makes_the_end_say_so(tmp_path: Path) -> None:
    spool = Spool(tmp_path, max_bytes=MEGA)
    for record in (
        asked(),
        Piece(1.0, b"x"),
        Head(1.0, 200, []),
        Piece(2.0, b"x" * 2 * MEGA + b"\n"),
        Piece(3.0, b"y\n"),
    ):
        spool.redacting.record(ONE, record)
    await spool.redacting.recorded(ONE)
    assert not spool.redacting.record(ONE, Piece(4.0, b"z\n"))
    assert spool.redacting.record(ONE, WHOLE)
    await spool.redacting.recorded(ONE)
    request, *_, end = spool.records(ONE)
    assert isinstance(request, Request)
    assert isinstance(end, End)
    assert end.ending is Ending.CAPTURE_LOST
    assert spool.redacting.record(ONE, Piece(5.0, b"z\n")), "the loss ends with the exchange"
    spool.writer.close()


@pytest.mark.parametrize("fails_in", ["request", "answer"])
async def test_a_body_that_cannot_be_redacted_is_not_recorded_and_stops_nothing(
    spool: Spool, monkeypatch: pytest.MonkeyPatch, fails_in: str
) -> None:
    def failing(pieces: Pieces, part: bytes) -> bytes:
        if fails_in.encode() in part:
            raise MemoryError
        return take(pieces, part)

    take = Pieces.take
    monkeypatch.setattr(Pieces, "take", failing)
    headers: Headers = []
    for record in (asked(b"request"), Head(1.0, 200, headers), Piece(2.0, b"answer\n"), WHOLE):
        spool.redacting.record(ONE, record)
    await spool.redacting.recorded(ONE)
    records = spool.records(ONE)
    assert [type(record) for record in records] == ([] if fails_in == "request" else [Request, Head, End])
    assert all(record.ending is Ending.CAPTURE_LOST for record in records if isinstance(record, End))
