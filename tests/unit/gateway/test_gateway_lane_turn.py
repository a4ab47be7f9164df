"""A turn of the loop: records first, answers behind them, and no answer told whole of which a record is missing."""

from __future__ import annotations

import asyncio

import pytest

from plait.gateway.relay.lane.turn import Turn
from plait.gateway.spool.frames import Frame, Kind, LongFrame
from plait.gateway.spool.records import End, Ending, Piece, Request, from_frame

ONE, OTHER = b"1" * 16, b"2" * 16
WHOLE = End(2.0, Ending.WHOLE)
REQUEST = Request(1_700_000_000.0, "d.test", "POST", "/v1/messages", "", [], b"{}")


class Spool:
    """Notes what is written, and drops what it is told to."""

    def __init__(self, log: list[object]) -> None:
        self._log = log
        self.ends: list[Ending] = []
        self.dropping: frozenset[bytes] = frozenset()

    def append_many(self, frames: list[Frame | LongFrame]) -> frozenset[bytes]:
        whole = [frame.joined() if isinstance(frame, LongFrame) else frame for frame in frames]
        kept = [frame for frame in whole if frame.exchange not in self.dropping]
        self._log += [(frame.kind, from_frame(frame)) for frame in kept]
        self.ends += [end.ending for frame in kept if isinstance(end := from_frame(frame), End)]
        return frozenset(frame.exchange for frame in frames) & self.dropping


class Transport(asyncio.WriteTransport):
    """Notes what is sent."""

    def __init__(self, log: list[object]) -> None:
        super().__init__()
        self._log = log
        self.closing = False

    def is_closing(self) -> bool:
        return self.closing

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self._log.append(bytes(data))

    def close(self) -> None:
        self.closing = True
        self._log.append("closed")


@pytest.fixture
def log() -> list[object]:
    return []


async def turn_and_spool(log: list[object]) -> tuple[Turn, Spool]:
    spool = Spool(log)
    return Turn(spool, asyncio.get_running_loop()), spool


async def test_answers_go_out_behind_all_records_of_the_turn(log: list[object]) -> None:
    turn, _ = await turn_and_spool(log)
    turn.write(Transport(log), b"answer")
    turn.record(ONE, Piece(1.0, b"x"))
    turn.record(OTHER, WHOLE)
    assert log == []
    await asyncio.sleep(0)
    assert log == [(Kind.PIECE, Piece(1.0, b"x")), (Kind.END, WHOLE), b"answer"]


async def test_closing_comes_behind_what_was_sent_and_nothing_behind_it(log: list[object]) -> None:
    turn, _ = await turn_and_spool(log)
    transport = Transport(log)
    turn.write(transport, b"first")
    turn.close(transport)
    turn.write(transport, b"late")
    turn.end()
    assert log == [b"first", "closed"]


async def test_an_exchange_that_lost_a_record_ends_as_lost(log: list[object]) -> None:
    turn, spool = await turn_and_spool(log)
    spool.dropping = frozenset({ONE})
    assert turn.record(ONE, Piece(1.0, b"x"))
    turn.end()
    spool.dropping = frozenset()
    assert not turn.record(ONE, Piece(1.5, b"y"))
    assert turn.record(OTHER, WHOLE)
    assert turn.record(ONE, WHOLE)
    turn.end()
    assert spool.ends == [Ending.WHOLE, Ending.CAPTURE_LOST]
    assert turn.record(ONE, Piece(3.0, b"z")), "the loss ends with the exchange"


async def test_what_was_dropped_together_with_its_end_is_not_waited_for(log: list[object]) -> None:
    turn, spool = await turn_and_spool(log)
    spool.dropping = frozenset({ONE})
    turn.record(ONE, WHOLE)
    turn.end()
    assert turn.record(ONE, Piece(1.0, b"x"))


async def test_an_exchange_whose_request_was_dropped_has_no_end_either(log: list[object]) -> None:
    turn, spool = await turn_and_spool(log)
    spool.dropping = frozenset({ONE})
    turn.record(ONE, REQUEST)
    turn.end()
    spool.dropping = frozenset()
    assert not turn.record(ONE, Piece(1.0, b"x"))
    assert not turn.record(ONE, WHOLE)
    turn.record(OTHER, WHOLE)
    turn.end()
    assert log == [(Kind.END, WHOLE)]
    assert turn.record(ONE, Piece(2.0, b"y")), "the loss ends with the exchange"
