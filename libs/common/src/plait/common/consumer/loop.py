"""The loop that every consumer runs."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Final

import structlog
from aiokafka.errors import KafkaError

from plait.common.consumer.batch import Handler, NearlyAllBad
from plait.common.consumer.decoding import Raw, slices
from plait.common.consumer.inhand import Before, InHand, is_through
from plait.common.consumer.lenient import read_leniently
from plait.common.consumer.member import Member
from plait.common.consumer.records import Processor
from plait.common.consumer.status import Status
from plait.common.consumer.waits import Leave, Left, Pauses, nap, unless
from plait.common.deadletters import DeadLetters
from plait.common.errors import DependencyDown
from plait.common.kafka import admin_client, is_embedded, topics_ready
from plait.common.lifeline import Lifeline, lifeline
from plait.common.metrics import (
    CONSUMER_BATCH_SECONDS,
    CONSUMER_DEAD_LETTERS,
    CONSUMER_JOINS,
    CONSUMER_RECORDS,
)
from plait.common.settings import KafkaSettings
from plait.common.topics import Topic

_log = structlog.get_logger()

_BATCH_BYTES: Final = 32 * 1024 * 1024
_GRACE_S: Final = 0.4
"""How long a stop waits for the batch in hand; cut off, its transaction is rolled back and it is repeated. The end of a
broker waits for nothing: a commit in hand could reach the next one."""
_COMMIT_S: Final = 30.0
_TOPIC_POLL_S: Final = 0.25
_REJOIN_S: Final = 1.0
_LAG_S: Final = 1.0


async def consume(
    processor: Processor,
    *,
    group: str,
    topics: Sequence[Topic],
    settings: KafkaSettings,
    stop: asyncio.Event,
    at_once: int = 1,
) -> None:
    """Give every record of `topics` to `processor` at least once, until `stop` is set; returns within a second of it.

    A processor that takes more than one batch `at_once` gets the next while it is busy with the one before: it must
    not mind which of them it stores first.

    Offsets are committed after the processor has stored a batch and its dead letters are written. Whatever goes wrong
    with the broker, the group is joined anew; topics that are not there yet are waited for. Nothing is raised for
    that: `plait.common.health` tells.
    """
    consumer = _Consumer(processor, group, topics, settings, stop, at_once)
    _spare_the_collector()
    try:
        await consumer.run()
    finally:
        await consumer.close()


class _Consumer:
    def __init__(
        self,
        processor: Processor,
        group: str,
        topics: Sequence[Topic],
        settings: KafkaSettings,
        stop: asyncio.Event,
        at_once: int,
    ) -> None:
        self._at_once = at_once
        self._group = group
        self._topics = topics
        self._settings = settings
        self._stop = stop
        self._dead_letters = DeadLetters(settings)
        self._handler = Handler(processor, self._dead_letters, group)
        self._status = Status(group)

    async def run(self) -> None:
        pauses = Pauses(_REJOIN_S)
        while not self._stop.is_set():
            try:
                async with self._broker_life() as (leave, line), self._membership(leave, line) as member:
                    pauses = Pauses(_REJOIN_S)
                    await self._flow(member, leave)
            except Left:
                continue
            except UnicodeDecodeError:
                read_leniently()
            except (KafkaError, OSError, DependencyDown) as error:
                self._status.become("paused", f"Kafka: {type(error).__name__}")
                await pauses.wait(self._stop)

    async def close(self) -> None:
        self._status.become("stopped")
        await self._dead_letters.close()

    @asynccontextmanager
    async def _broker_life(self) -> AsyncIterator[tuple[Leave, Lifeline | None]]:
        """An event that is set by a stop and, for a broker that forgets, by its end; and the line that tells of it."""
        leave = Leave()
        relay = asyncio.create_task(_relay(self._stop, leave))
        try:
            if is_embedded(self._settings):
                async with lifeline(self._settings, leave.set) as line:
                    yield leave, line
            else:
                yield leave, None
        finally:
            relay.cancel()

    @asynccontextmanager
    async def _membership(self, leave: Leave, line: Lifeline | None) -> AsyncIterator[Member]:
        await unless(leave, self._topics_there(leave))
        member = Member(self._settings, self._group, self._topics, line)
        try:
            await unless(leave, member.join())
            CONSUMER_JOINS.labels(self._group).inc()
            yield member
        finally:
            await member.leave()

    async def _topics_there(self, leave: Leave) -> None:
        """Wait until the shipper has made the topics: a client that asks for one earlier would have it made wrongly."""
        async with admin_client(self._settings) as admin:
            while not await topics_ready(admin):
                await nap(leave, _TOPIC_POLL_S)

    async def _flow(self, member: Member, leave: Leave) -> None:
        self._status.become("running")
        telling = asyncio.create_task(self._tell_lag(member))
        try:
            await self._follow(member, leave)
        finally:
            telling.cancel()

    async def _follow(self, member: Member, leave: Leave) -> None:
        in_hand = InHand(self._at_once)
        try:
            while not leave.is_set():
                polled = await unless(leave, member.poll())
                in_hand.look()
                epoch = member.epoch
                for batch in slices(polled, _BATCH_BYTES):
                    await in_hand.take(partial(self._settle, member, batch, epoch, leave))
            await in_hand.finish()
        except Left:
            await in_hand.finish()
            raise
        finally:
            await in_hand.drop()

    async def _tell_lag(self, member: Member) -> None:
        """Also while a batch waits for a dependency: that is when lag grows."""
        while True:
            _log.debug("lag", group=self._group, records=member.measure_lag())
            await asyncio.sleep(_LAG_S)

    async def _settle(self, member: Member, batch: Sequence[Raw], epoch: int, leave: Leave, before: Before) -> None:
        """Handle a batch and commit past it, after the one before; come back without that when it is no longer ours."""
        pauses = Pauses()
        with CONSUMER_BATCH_SECONDS.labels(self._group).time():
            while epoch == member.epoch:
                with member.holding():
                    if await self._handled(batch, leave):
                        if await is_through(before):
                            async with asyncio.timeout(_COMMIT_S):
                                await unless(leave, member.commit(batch, epoch))
                        return
                await pauses.wait(leave)
                if leave.is_set():
                    raise Left

    async def _handled(self, batch: Sequence[Raw], leave: Leave) -> bool:
        try:
            put_aside = await unless(leave, self._handler.handle(batch))
        except DependencyDown as error:
            self._status.become("paused", str(error))
            return False
        except NearlyAllBad as error:
            self._status.become("stalled", str(error))
            return False
        self._status.become("running")
        CONSUMER_DEAD_LETTERS.labels(self._group).inc(put_aside)
        for raw in batch:
            CONSUMER_RECORDS.labels(self._group, raw.topic).inc()
        return True


def _spare_the_collector() -> None:
    """A batch makes objects by the ten thousand, and nearly all of them go with it, in no cycle.

    As Python comes, a fifth of the linker's time went into looking for cycles among them (measured).
    """
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)


async def _relay(stop: asyncio.Event, leave: Leave) -> None:
    await stop.wait()
    leave.grace = _GRACE_S
    leave.set()
