"""A broker that forgets is killed and comes back on its port with other contents: what it holds then is all processed.

The records of the new life outnumber those of the old one, so positions and offsets of the old life lie inside the new
log: whoever trusts one of them skips what stands before it.
"""

from __future__ import annotations

import asyncio
import subprocess
import threading
from collections import Counter
from collections.abc import Coroutine, Iterator, Sequence
from typing import Any
from uuid import UUID

import pytest

from plait.cli.embedded import broker as embedded_broker
from plait.common.consumer import Record, Rejected
from plait.common.errors import DependencyDown
from plait.common.kafka import abandon, admin_client, committed_offsets, new_producer
from plait.common.settings import KafkaSettings
from plait.common.topics import RESPONSES
from tests.contract.consuming import GROUP, Seen, an_answer, consuming, ids, make_topics, send
from tests.ports import free_port


class Forgetful:
    """The embedded broker in a process that can be killed and started again on the same port."""

    def __init__(self, assignment: str) -> None:
        self._program = embedded_broker.prepare(port := free_port())
        self.settings = KafkaSettings(
            kafka_bootstrap_servers=embedded_broker.servers(port),
            kafka_flavor="embedded",
            kafka_assignment=assignment,
        )
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(self._program.argv, **self._program.options())
        while not self._program.ready(self._process.pid):
            assert self._process.poll() is None

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    async def ship(self, sent: Sequence[UUID]) -> None:
        await make_topics(self.settings)
        await send(self.settings, map(an_answer, sent))

    def live_again(self, sent: Sequence[UUID]) -> None:
        """Killed, started, filled, all before this thread goes on."""
        self.kill()
        self.start()
        _elsewhere(self.ship(sent))

    async def committed(self) -> list[int]:
        async with admin_client(self.settings) as admin:
            offsets = await committed_offsets(admin, GROUP, [RESPONSES])
        return [offset for _, offset in sorted(offsets.items())]


def _elsewhere(work: Coroutine[Any, Any, None]) -> None:
    """Run it in another thread and wait, so that nothing of this thread's loop moves meanwhile."""
    thread = threading.Thread(target=asyncio.run, args=(work,))
    thread.start()
    thread.join()


@pytest.fixture(params=["all", "group"])
def broker(request: pytest.FixtureRequest) -> Iterator[Forgetful]:
    forgetful = Forgetful(request.param)
    forgetful.start()
    yield forgetful
    forgetful.kill()


async def test_an_idle_consumer_reads_all_of_the_new_life(broker: Forgetful) -> None:
    old, seen = ids(40), Seen()
    new = [*old, *ids(160)]
    await broker.ship(old)

    async with consuming(seen, broker.settings):
        await seen.all_of(old)
        broker.kill()
        broker.start()
        await broker.ship(new)
        await seen.until(lambda s: Counter(s.ids) >= Counter(old) + Counter(new))
        await _until_committed(broker, [25] * 8)


async def test_a_broker_that_dies_before_the_commit_gets_no_offset_of_its_former_life(broker: Forgetful) -> None:
    """The worst moment: stored, not committed, and the new broker is there before the consumer can have noticed."""
    old, more = ids(40), ids(160)
    reborn = False

    def reborn_meanwhile(batch: Sequence[Record]) -> Sequence[Rejected]:
        nonlocal reborn
        if not reborn:
            reborn = True
            broker.live_again([*more, *old])  # what an offset of the former life would skip was never seen before
        return ()

    seen = Seen(reborn_meanwhile)
    await broker.ship(old)
    async with consuming(seen, broker.settings):
        await seen.all_of([*old, *more])
        await _until_committed(broker, [25] * 8)


async def test_a_batch_in_hand_is_dropped_with_its_broker(broker: Forgetful) -> None:
    old, more = ids(40), ids(160)
    away = True

    def database(batch: Sequence[Record]) -> Sequence[Rejected]:
        if away:
            raise DependencyDown("away")
        return ()

    seen = Seen(database)
    await broker.ship(old)
    async with consuming(seen, broker.settings):
        await seen.until(lambda s: s.calls > 1)
        broker.live_again([*more, *old])
        away = False
        await seen.all_of([*old, *more])
        await _until_committed(broker, [25] * 8)


async def test_many_lives_in_a_row(broker: Forgetful) -> None:
    seen, sent = Seen(), ids(8)
    await broker.ship(sent)
    async with consuming(seen, broker.settings):
        for _ in range(5):
            await seen.all_of(sent)
            sent = [*sent, *ids(8 * len(sent))][:400]
            broker.kill()
            broker.start()
            await broker.ship(sent)
        await seen.all_of(sent)
        await _until_committed(broker, [50] * 8)


async def test_a_broker_that_is_away_for_a_while_is_waited_for(broker: Forgetful) -> None:
    seen, sent = Seen(), ids(8)
    broker.kill()
    async with consuming(seen, broker.settings) as consumer:
        await asyncio.sleep(1.0)  # time is the subject: the broker is away for a second
        assert not consumer.done()
        broker.start()
        await broker.ship(sent)
        await seen.all_of(sent)


async def _until_committed(broker: Forgetful, wanted: list[int]) -> None:
    """Brokers tell nobody of a commit, so they are asked again and again."""
    async with asyncio.timeout(60):
        while await broker.committed() != wanted:
            await asyncio.sleep(0.05)


async def test_what_an_abandoned_producer_held_does_not_reach_the_next_life(broker: Forgetful) -> None:
    await make_topics(broker.settings)
    producer = new_producer(broker.settings)
    await producer.start()
    await producer.send_and_wait(RESPONSES.name, an_answer(), partition=0)
    broker.kill()
    held = [await producer.send(RESPONSES.name, an_answer(), partition=0) for _ in range(20)]
    async with asyncio.timeout(60):
        await abandon(producer)
    broker.start()

    sent, seen = ids(8), Seen()
    await broker.ship(sent)
    async with consuming(seen, broker.settings):
        await seen.all_of(sent)
    assert sorted(seen.ids) == sorted(sent)
    assert not any(future.done() for future in held)
