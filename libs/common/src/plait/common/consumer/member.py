"""A member of a consumer group: what aiokafka offers, less what is not safe to use."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Final

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import CommitFailedError, IllegalStateError

from plait.common.consumer.decoding import Raw
from plait.common.consumer.holes import Holes
from plait.common.kafka import is_embedded, new_consumer
from plait.common.lifeline import Lifeline
from plait.common.metrics import CONSUMER_LAG
from plait.common.settings import KafkaSettings
from plait.common.topics import Topic

_log = structlog.get_logger()

_MAX_RECORDS: Final = 500
_POLL_MS: Final = 50
_REVOCATION_S: Final = 5.0
"""How long a rebalance waits for the batch in hand: below every broker's rebalance timeout."""
_CLOSING_S: Final = 0.3
_HOLE_POLL_S: Final = 0.01


class Member(ConsumerRebalanceListener):
    """Polls and commits for one group; `epoch` counts the assignments.

    What was polled in one epoch must be committed in it: afterwards the partitions may be somebody else's.
    """

    def __init__(
        self, settings: KafkaSettings, group: str, topics: Sequence[Topic], lifeline: Lifeline | None = None
    ) -> None:
        """`lifeline` carries the commits of an only instance to a broker that forgets."""
        self.epoch = 0
        self._lifeline = lifeline
        self._group = group
        self._topics = topics
        self._reads_all = settings.kafka_assignment == "all"
        self._consumer: AIOKafkaConsumer = new_consumer(settings, group)
        self._holes = Holes() if is_embedded(settings) else None
        self._settled = asyncio.Event()
        self._settled.set()
        self._in_hand = 0
        self._next: dict[TopicPartition, int] = {}
        self._most = _MAX_RECORDS

    async def join(self) -> None:
        """Connect and join the group; returns when partitions are assigned.

        The only instance of a consumer need not join: it takes all partitions, at once, and commits for the group. So
        it waits neither for the broker to gather members nor for the session of a predecessor that was killed.
        """
        if self._reads_all:
            self._consumer.assign(
                [TopicPartition(t.name, number) for t in self._topics for number in range(t.partitions)]
            )
        else:
            self._consumer.subscribe([topic.name for topic in self._topics], listener=self)
        await self._consumer.start()

    async def leave(self) -> None:
        """Leave the group and disconnect, within half a second.

        aiokafka waits for the answer to a request to join, which may take as long as a session. Without its connections
        it does not, and the broker sees a member that is gone.
        """
        closing = asyncio.ensure_future(self._consumer.stop())
        await asyncio.wait({closing}, timeout=_CLOSING_S)
        if not closing.done():
            await self._consumer._client.close()
        await asyncio.gather(closing, return_exceptions=True)
        self._forget_lag()

    async def poll(self) -> list[Raw]:
        """Up to 500 records, fewer after a late commit, each partition's in order; none after 50 ms without any."""
        if self._holes is not None:
            await self._note_beginnings(self._holes)
        found = await self._consumer.getmany(timeout_ms=_POLL_MS, max_records=self._most)
        if self._holes is not None:
            found = {place: self._up_to_hole(self._holes, place, records) for place, records in found.items()}
            if found and not any(found.values()):
                await asyncio.sleep(_HOLE_POLL_S)
        return [record for records in found.values() for record in records]

    async def _note_beginnings(self, holes: Holes) -> None:
        for place in self._consumer.assignment():
            if place not in holes:
                with suppress(IllegalStateError):  # given back meanwhile
                    holes.begin(place, await self._consumer.position(place))

    def _up_to_hole(self, holes: Holes, place: TopicPartition, records: list[Raw]) -> list[Raw]:
        """Those before a hole; from there on the partition is read again."""
        if place not in holes:  # assigned during this poll
            holes.begin(place, records[0].offset)
        good = list(holes.up_to_hole(place, records))
        if len(good) < len(records):
            with suppress(IllegalStateError):
                self._consumer.seek(place, holes.next(place))
        return good

    @contextmanager
    def holding(self) -> Iterator[None]:
        """A batch is in hand: a rebalance waits for it. Not while it has to wait for something."""
        self._in_hand += 1
        self._settled.clear()
        try:
            yield
        finally:
            self._in_hand -= 1
            if not self._in_hand:
                self._settled.set()

    async def commit(self, batch: Sequence[Raw], epoch: int) -> bool:
        """Commit past a batch polled in `epoch`; False when it is ours no longer and somebody will get it again."""
        if epoch != self.epoch:
            return False
        offsets: dict[TopicPartition, int] = {}
        for raw in batch:
            place = TopicPartition(raw.topic, raw.partition)
            offsets[place] = max(raw.offset + 1, offsets.get(place, 0))
        try:
            await self._commit(offsets)
        except (CommitFailedError, IllegalStateError):
            self._most = max(1, self._most // 8)  # a batch that outlasts a session would be repeated for ever
            _log.info("commit came too late, the batch will be repeated", group=self._group, next_at_most=self._most)
            return False
        self._most = min(_MAX_RECORDS, self._most * 2)
        self._next |= offsets
        return True

    async def _commit(self, offsets: dict[TopicPartition, int]) -> None:
        if self._lifeline and self._reads_all:  # the broker takes it from nobody else while a group has members
            await self._lifeline.commit(self._group, offsets)
        else:
            await self._consumer.commit(offsets)

    async def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:  # noqa: ARG002 - aiokafka's interface
        """Wait, bounded, for the batch in hand; what is not committed by then is somebody else's."""
        try:
            await asyncio.wait_for(self._settled.wait(), _REVOCATION_S)
        except TimeoutError:
            _log.warning("partitions are given back with a batch in hand", group=self._group)
        finally:
            self.epoch += 1
            self._forget_lag()
            if self._holes is not None:
                self._holes.forget()

    async def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        """Tell what is ours now."""
        places = sorted(f"{place.topic}-{place.partition}" for place in assigned)
        _log.info("partitions assigned", group=self._group, partitions=places)

    def measure_lag(self) -> int:
        """Set the lag of every partition we own; returns their sum."""
        total = 0
        for place in self._consumer.assignment():
            end = self._consumer.highwater(place)
            if end is not None:
                lag = max(0, end - self._next.get(place, 0))
                CONSUMER_LAG.labels(self._group, place.topic, place.partition).set(lag)
                total += lag
        return total

    def _forget_lag(self) -> None:
        CONSUMER_LAG.remove_by_labels({"group": self._group})
        self._next.clear()
