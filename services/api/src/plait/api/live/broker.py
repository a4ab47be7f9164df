"""The topics as the live view reads them: a consumer of no group, which sees all partitions of all that is followed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Final

from aiokafka import AIOKafkaConsumer, TopicPartition

from plait.api.live.places import PLACES, Position, mark_of
from plait.api.live.reading import Record
from plait.common.consumer.holes import Holes
from plait.common.errors import DependencyDown
from plait.common.kafka import admin_client, is_embedded, new_consumer, topics_ready
from plait.common.settings import KafkaSettings

Polled = Mapping[TopicPartition, Sequence[Record]]

_POLL_MS: Final = 100
_AT_ONCE: Final = 500
_ENDS_S: Final = 20.0
_TRIES: Final = 10
"""Polls after which a record is not there: the first may come back before the broker has answered."""


class Topics:
    """A connected consumer."""

    def __init__(self, consumer: AIOKafkaConsumer, holes: Holes | None) -> None:
        """`holes`: of a broker that may show a later record before an earlier one."""
        self._consumer = consumer
        self._holes = holes

    def seek(self, offsets: Sequence[int]) -> None:
        """Read on from these offsets."""
        for place, offset in zip(PLACES, offsets, strict=True):
            self._consumer.seek(place, offset)
            if self._holes is not None:
                self._holes.begin(place, offset)

    async def ends(self) -> tuple[int, ...]:
        """Per place: the offset that the next record will have.

        Found by reading: the embedded broker tells it with every answer to a fetch, and wrongly when asked for it.

        Raises:
            DependencyDown: the broker does not tell.
        """
        self.seek([0] * len(PLACES))
        try:
            async with asyncio.timeout(_ENDS_S):
                while any(self._consumer.highwater(place) is None for place in PLACES):
                    await self._consumer.getmany(timeout_ms=_POLL_MS, max_records=1)
        except TimeoutError as error:
            raise DependencyDown("Kafka does not tell where its topics end") from error
        return self.known_ends()

    def known_ends(self) -> tuple[int, ...]:
        """The same as of the last answer."""
        return tuple(self._consumer.highwater(place) or 0 for place in PLACES)

    async def holds(self, position: Position) -> bool:
        """Whether the record that was read last at a position is still there, and is the same."""
        if not position.mark or not position.offsets[position.place]:
            return all(offset <= end for offset, end in zip(position.offsets, await self.ends(), strict=True))
        self._consumer.pause(*PLACES)
        place, offset = PLACES[position.place], position.offsets[position.place] - 1
        self._consumer.resume(place)
        self._consumer.seek(place, offset)
        try:
            for _ in range(_TRIES):
                found = await self._consumer.getmany(place, timeout_ms=_POLL_MS, max_records=1)
                for record in found.get(place, []):
                    return record.offset == offset and mark_of(record) == position.mark
            return False
        finally:
            self._consumer.resume(*PLACES)

    async def poll(self) -> Polled:
        """The next records; none after a tenth of a second without any."""
        found: Polled = await self._consumer.getmany(timeout_ms=_POLL_MS, max_records=_AT_ONCE)
        return {place: self._without_later(place, records) for place, records in found.items()}

    def _without_later(self, place: TopicPartition, records: Sequence[Record]) -> Sequence[Record]:
        """Those before a hole; the hole is read again with the next poll."""
        if self._holes is None:
            return records
        good = self._holes.up_to_hole(place, records)
        if len(good) < len(records):
            self._consumer.seek(place, self._holes.next(place))
        return good


@asynccontextmanager
async def topics(settings: KafkaSettings) -> AsyncIterator[Topics]:
    """Connect for the length of the block.

    Raises:
        KafkaError: no broker answers.
        DependencyDown: its topics are not there yet.
    """
    async with admin_client(settings) as admin:
        if not await topics_ready(admin):
            raise DependencyDown("the topics are not there yet")
    consumer = new_consumer(settings, None)
    consumer.assign(PLACES)
    try:
        await consumer.start()
        yield Topics(consumer, Holes() if is_embedded(settings) else None)
    finally:
        await consumer.stop()
