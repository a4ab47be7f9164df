"""Members of a group, dependencies that are away, stops at any moment: on a real broker."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

import pytest

from plait.common.consumer import Record, Rejected, waits
from plait.common.errors import DependencyDown
from plait.common.health import answer
from plait.common.metrics import CONSUMER_LAG
from plait.common.settings import KafkaSettings
from tests.contract.consuming import (
    GROUP,
    STOPPED_S,
    Seen,
    an_answer,
    committed,
    consuming,
    down,
    ids,
    make_topics,
    send,
    settings_of,
)
from tests.servers import Broker


async def test_a_dependency_that_is_away_is_waited_for(settings: KafkaSettings) -> None:
    sent, away = ids(10), True

    def database(batch: Sequence[Record]) -> list[Rejected]:
        if away:
            raise DependencyDown("the database is away")
        return []

    seen = Seen(database)
    await send(settings, map(an_answer, sent))
    async with consuming(seen, settings):
        await seen.until(lambda s: s.calls >= 3)
        status, _, body = answer("/health/ready")
        assert (status, b"the database is away" in body) == (503, True)
        assert answer("/health/live")[0] == 200
        assert await committed(settings) == 0
        away = False
        await seen.all_of(sent)
        async with asyncio.timeout(60):
            while answer("/health/ready")[0] != 200:
                await asyncio.sleep(0.01)
    assert sorted(seen.ids) == sorted(sent)


async def test_a_stop_does_not_wait_for_the_end_of_a_pause(
    settings: KafkaSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waits, "_FIRST", 600.0)
    seen = Seen(down)
    await send(settings, map(an_answer, ids(10)))
    async with consuming(seen, settings):
        await seen.until(lambda s: s.calls == 1)
        began = time.monotonic()
    assert time.monotonic() - began < STOPPED_S
    assert await committed(settings) == 0


async def test_a_stop_cuts_a_batch_that_hangs(settings: KafkaSettings) -> None:
    class Hangs(Seen):
        async def process(self, batch: Sequence[Record]) -> Sequence[Rejected]:
            await super().process(batch)
            await asyncio.Event().wait()
            return []

    seen = Hangs()
    await send(settings, map(an_answer, ids(10)))
    async with consuming(seen, settings):
        await seen.until(lambda s: s.calls == 1)
        began = time.monotonic()
    assert time.monotonic() - began < STOPPED_S
    assert await committed(settings) == 0


async def test_a_stop_while_joining_waits_for_nothing(settings: KafkaSettings) -> None:
    async with consuming(Seen(), settings):
        await asyncio.sleep(0.3)  # on its way into the group, which takes longer on the embedded broker
        began = time.monotonic()
    assert time.monotonic() - began < STOPPED_S


async def test_a_second_member_takes_over_a_part_and_gives_it_back(settings: KafkaSettings) -> None:
    first, second = Seen(), Seen()
    early, middle, late = ids(80), ids(80), ids(80)
    await send(settings, map(an_answer, early))
    async with consuming(first, settings):
        await first.all_of(early)
        async with consuming(second, settings):
            async with asyncio.timeout(60):
                while not second.batches:  # until both have their part
                    await send(settings, map(an_answer, ids(8)))
                    await asyncio.sleep(0.1)
            await send(settings, map(an_answer, middle))
            await _both(first, second, middle)
        await send(settings, map(an_answer, late))
        await first.all_of(late)

    handled = [*first.ids, *second.ids]
    assert {*early, *middle, *late} <= set(handled)
    assert len(handled) - len(set(handled)) < 40  # repeats at the two rebalances, if any


async def test_a_rebalance_does_not_wait_for_a_member_that_pauses(settings: KafkaSettings) -> None:
    stuck, other, sent = Seen(down), Seen(), ids(80)
    await send(settings, map(an_answer, sent))
    async with consuming(stuck, settings):
        await stuck.until(lambda s: s.calls > 1)
        async with consuming(other, settings):
            await other.until(lambda s: len(set(s.ids)) >= 40)
    assert stuck.ids == []


async def test_lag_is_told_per_partition(settings: KafkaSettings) -> None:
    seen = Seen(down)
    await send(settings, map(an_answer, ids(8)))
    async with consuming(seen, settings):
        await seen.until(lambda s: s.calls >= 2)
        seen.fault = lambda _: ()
        await seen.until(lambda s: len(s.ids) == 8)
        async with asyncio.timeout(60):
            while _lags() != [0.0] * 8:
                await asyncio.sleep(0.05)
    assert _lags() == []


def _lags() -> list[float]:
    return [
        sample.value
        for metric in CONSUMER_LAG.collect()
        for sample in metric.samples
        if sample.labels["group"] == GROUP
    ]


async def _both(first: Seen, second: Seen, wanted: Sequence[object]) -> None:
    async with asyncio.timeout(60):
        while not set(wanted) <= {*first.ids, *second.ids}:
            await asyncio.sleep(0.05)


async def test_the_only_instance_takes_all_partitions_and_goes_on_where_its_predecessor_was(broker: Broker) -> None:
    """It commits for the group without being a member of it."""
    settings = settings_of(broker).model_copy(update={"kafka_assignment": "all"})
    await make_topics(settings)
    first, second = ids(40), ids(40)
    await send(settings, map(an_answer, first))
    async with consuming(seen := Seen(), settings):
        await seen.all_of(first)
        async with asyncio.timeout(60):
            while await committed(settings) < len(first):
                await asyncio.sleep(0.02)

    await send(settings, map(an_answer, second))
    async with consuming(seen := Seen(), settings):
        await seen.all_of(second)
    assert sorted(seen.ids) == sorted(second)
