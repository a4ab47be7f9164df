"""A processor that takes two batches at once: the second is worked on meanwhile, and committed after the first."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from plait.common.consumer import Record, Rejected
from plait.common.consumer.inhand import InHand
from plait.common.settings import KafkaSettings
from tests.contract.consuming import Seen, an_answer, committed, consuming, ids, send


class Held(Seen):
    """Keeps the first batch in hand until it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.free = asyncio.Event()
        self.taken = 0
        self.most = 0
        self._in_hand = 0

    async def process(self, batch: Sequence[Record]) -> Sequence[Rejected]:
        self.taken += 1
        self._in_hand += 1
        self.most = max(self.most, self._in_hand)
        try:
            if self.taken == 1:
                await self.free.wait()
            return await super().process(batch)
        finally:
            self._in_hand -= 1


async def test_the_next_batch_is_worked_on_meanwhile_and_committed_after(settings: KafkaSettings) -> None:
    sent, held = ids(1600), Held()
    await send(settings, map(an_answer, sent))
    async with consuming(held, settings, at_once=2):
        await held.until(lambda seen: seen.calls == 1)
        assert await committed(settings) == 0
        held.free.set()
        await held.all_of(sent)
        async with asyncio.timeout(60):
            while await committed(settings) != len(sent):
                await asyncio.sleep(0.01)
    assert sorted(held.ids) == sorted(sent)
    assert held.most == 2


async def test_past_a_batch_that_was_given_up_nothing_is_committed(settings: KafkaSettings) -> None:
    sent, held, again = ids(1600), Held(), Seen()
    await send(settings, map(an_answer, sent))
    async with consuming(held, settings, at_once=2):
        await held.until(lambda seen: seen.calls == 1)
    assert await committed(settings) == 0
    async with consuming(again, settings):
        await again.all_of(sent)


async def test_a_batch_that_fails_is_told_when_there_is_no_room_for_another() -> None:
    in_hand, going = InHand(2), asyncio.Event()

    async def fails(_: object) -> None:
        await going.wait()
        raise OSError("the broker is away")

    async def passes(_: object) -> None:
        going.set()

    await in_hand.take(fails)
    in_hand.look()
    with pytest.raises(OSError, match="the broker is away"):
        await in_hand.take(passes)
    await in_hand.finish()
