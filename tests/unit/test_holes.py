"""Holes in a partition: nothing behind one is read before what is missing has come or is given up."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from aiokafka import TopicPartition
from hypothesis import given
from hypothesis import strategies as st

from plait.common.consumer import member
from plait.common.consumer.holes import Holes
from plait.common.settings import KafkaSettings

PLACE = TopicPartition("t", 0)


@dataclass(frozen=True)
class Stored:
    offset: int


class Clock:
    """Seconds that a test turns."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def reader(clock: Clock, start: int = 0) -> Holes:
    holes = Holes(clock)
    holes.begin(PLACE, start)
    return holes


def read(holes: Holes, *offsets: int) -> list[int]:
    return [record.offset for record in holes.up_to_hole(PLACE, [Stored(offset) for offset in offsets])]


@given(st.permutations([range(3), range(3, 4), range(4, 9), range(9, 11), range(11, 12)]))
def test_batches_that_show_in_any_order_are_read_in_theirs(shown: list[range]) -> None:
    holes, got = reader(Clock()), list[int]()
    for count in range(1, len(shown) + 1):
        visible = sorted(offset for batch in shown[:count] for offset in batch)
        got += read(holes, *(offset for offset in visible if offset >= holes.next(PLACE)))
    assert got == list(range(12))


def test_a_hole_that_stays_is_passed_over_in_the_end() -> None:
    clock = Clock()
    holes = reader(clock)
    assert read(holes, 0, 1, 5, 6) == [0, 1]
    clock.now = 1.9
    assert read(holes, 5, 6) == []
    clock.now = 2.1
    assert read(holes, 5, 6, 9) == [5, 6]
    assert holes.next(PLACE) == 7


def test_each_hole_is_waited_for_anew() -> None:
    clock = Clock()
    holes = reader(clock)
    assert read(holes, 1) == []
    clock.now = 5.0
    assert read(holes, 0, 2) == [0]
    assert read(holes, 2) == []
    clock.now = 8.0
    assert read(holes, 2) == [2]


def test_what_a_partition_begins_with_may_be_missing_too() -> None:
    assert read(reader(Clock(), start=7), 9) == []
    assert read(reader(Clock(), start=7), 7, 8) == [7, 8]


def test_reading_may_go_back() -> None:
    holes = reader(Clock(), start=7)
    assert read(holes, 0, 1, 2) == [0, 1, 2]


@dataclass
class Log:
    """A consumer of one partition in which batches become visible in another order than their offsets have."""

    visible: list[int]
    at: int = 0
    late: list[int] = field(default_factory=list)

    def assignment(self) -> set[TopicPartition]:
        return {PLACE}

    async def position(self, _place: TopicPartition) -> int:
        return self.at

    def seek(self, _place: TopicPartition, offset: int) -> None:
        self.at = offset

    async def getmany(self, **_: Any) -> dict[TopicPartition, list[Stored]]:
        found = [Stored(offset) for offset in sorted(self.visible) if offset >= self.at]
        self.visible += self.late
        self.late = []
        self.at = found[-1].offset + 1 if found else self.at
        return {PLACE: found} if found else {}


async def test_a_member_reads_a_late_batch_in_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    log = Log(visible=[0, 1, 4, 5], late=[2, 3])
    monkeypatch.setattr(member, "new_consumer", lambda *_: log)
    reading = member.Member(KafkaSettings(kafka_flavor="embedded"), "g", ())
    assert [record.offset for _ in range(3) for record in await reading.poll()] == [0, 1, 2, 3, 4, 5]
