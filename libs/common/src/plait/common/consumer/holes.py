"""Holes in the offsets of a partition: on the embedded broker they may be records that come late.

That broker numbers the batches of several producers in the order in which they come, and shows each as soon as it is
stored (measured). A reader at a partition's end may so be given a later batch first, and would never see the one
before. A producer that goes away in the middle of a batch leaves a hole for ever. So a hole is read again for a while,
and then passed over. A log of Apache Kafka has no late records; its holes are the broker's own and mean nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Final, Protocol, TypeVar

import structlog
from aiokafka import TopicPartition

_PATIENCE_S: Final = 2.0
_log = structlog.get_logger()


class Numbered(Protocol):
    """A record, as far as its place is concerned."""

    @property
    def offset(self) -> int:
        """Its number in the partition."""


R = TypeVar("R", bound=Numbered)


class Holes:
    """Where each partition is to be read on, and since when a record is missing there."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._next: dict[TopicPartition, int] = {}
        self._since: dict[TopicPartition, float] = {}

    def __contains__(self, place: TopicPartition) -> bool:
        return place in self._next

    def begin(self, place: TopicPartition, offset: int) -> None:
        """A partition is read from `offset` on."""
        self._next[place] = offset

    def forget(self) -> None:
        """All partitions are given back."""
        self._next.clear()
        self._since.clear()

    def up_to_hole(self, place: TopicPartition, records: Sequence[R]) -> Sequence[R]:
        """The records before the first hole that is still waited for: all of them, when there is none."""
        for index, record in enumerate(records):
            if record.offset > self._next[place] and not self._is_given_up(place, record.offset):
                return records[:index]
            self._next[place] = record.offset + 1
            self._since.pop(place, None)
        return records

    def next(self, place: TopicPartition) -> int:
        """The offset to read on from."""
        return self._next[place]

    def _is_given_up(self, place: TopicPartition, found: int) -> bool:
        if self._clock() - self._since.setdefault(place, self._clock()) < _PATIENCE_S:
            return False
        _log.warning(
            "a hole in a partition stays",
            topic=place.topic,
            partition=place.partition,
            first=self._next[place],
            last=found - 1,
        )
        return True
