"""The consumers' loop on a real broker: nothing is lost, whatever happens to a record, a dependency or a group."""

from __future__ import annotations

import asyncio
import time

from plait.common.kafka import admin_client, committed_offsets
from plait.common.topics import RESPONSES
from tests.contract.consuming import GROUP, STOPPED_S, Seen, an_answer, consuming, ids, make_topics, send, settings_of
from tests.servers import Broker


async def test_every_record_is_processed_and_committed(broker: Broker) -> None:
    settings, sent, seen = settings_of(broker), ids(1000), Seen()
    await make_topics(settings)
    await send(settings, map(an_answer, sent))

    async with consuming(seen, settings):
        await seen.all_of(sent)

    assert sorted(seen.ids) == sorted(sent)
    assert max(map(len, seen.batches)) <= 500
    async with admin_client(settings) as admin:
        committed = await committed_offsets(admin, GROUP, [RESPONSES])
    assert [offset for _, offset in sorted(committed.items())] == [125] * 8


async def test_a_stop_waits_for_nothing(broker: Broker) -> None:
    settings, sent, seen = settings_of(broker), ids(1), Seen()
    await make_topics(settings)
    await send(settings, map(an_answer, sent))

    async with consuming(seen, settings):
        await seen.all_of(sent)
        began = time.monotonic()
    assert time.monotonic() - began < STOPPED_S


async def test_topics_that_are_not_there_yet_are_waited_for(broker: Broker) -> None:
    settings, sent, seen = settings_of(broker), ids(8), Seen()

    async with consuming(seen, settings):
        await asyncio.sleep(0)
        await make_topics(settings)
        await send(settings, map(an_answer, sent))
        await seen.all_of(sent)
