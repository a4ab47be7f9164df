"""How far the shipper runs ahead of the broker."""

from __future__ import annotations

import asyncio
from typing import Any, cast
from uuid import UUID

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.structs import RecordMetadata, TopicPartition

from plait.gateway.shipper.exchange import begin
from plait.gateway.shipper.progress import Hold
from plait.gateway.shipper.publishing import Publisher
from plait.gateway.spool.records import Request
from plait.gateway.spool.segments import START

ACKNOWLEDGED = RecordMetadata("plait.requests", 0, TopicPartition("plait.requests", 0), 0, -1, 0, 0)


class Producer:
    """Takes everything, and acknowledges what the test says."""

    def __init__(self) -> None:
        self.sent: list[asyncio.Future[RecordMetadata]] = []

    async def send(self, _topic: str, _value: bytes, **_key: Any) -> asyncio.Future[RecordMetadata]:
        self.sent.append(asyncio.get_running_loop().create_future())
        return self.sent[-1]


async def test_an_acknowledgement_makes_room_only_for_what_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("plait.gateway.shipper.publishing._MOST_IN_FLIGHT", 50_000)
    producer = Producer()
    publisher = Publisher(cast("AIOKafkaProducer", producer))

    async def publish(size: int) -> None:
        request = Request(1_700_000_000.0, "d.test", "POST", "/v1/messages", "", [], b'"%b"' % (b"x" * size))
        await publisher.publish(Hold(START), begin(UUID(int=1), request)[1])

    await publish(10)
    await publish(100_000)
    waiting = asyncio.create_task(publish(100_000))
    producer.sent[0].set_result(ACKNOWLEDGED)
    for _ in range(5):
        await asyncio.sleep(0)
    assert len(producer.sent) == 2
    assert not waiting.done()
    producer.sent[1].set_result(ACKNOWLEDGED)
    await waiting
    assert 100_000 < publisher.in_flight < 102_000
