"""The largest event that Plait makes passes both brokers: a body of 32 MB that is no JSON, in base64."""

from __future__ import annotations

import asyncio
import os

import pytest

from plait.cli.target import BrokerSettings
from plait.common.kafka import admin_client, ensure_topics, new_consumer, new_producer, topics_ready
from plait.common.topics import REQUESTS
from tests.servers import Broker

SIZE = 32 * 1024 * 1024 * 4 // 3


@pytest.mark.timeout(300)
async def test_several_of_the_largest_events_pass(broker: Broker) -> None:
    settings = BrokerSettings(kafka_bootstrap_servers=broker.servers, kafka_flavor=broker.flavor)
    async with admin_client(settings) as admin:
        await ensure_topics(admin, settings)
        async with asyncio.timeout(60):
            while not await topics_ready(admin):
                await asyncio.sleep(0.05)
    event = os.urandom(SIZE)  # as large on the wire: it does not compress
    producer = new_producer(settings)
    await producer.start()
    for partition in range(3):
        await producer.send_and_wait(REQUESTS.name, event, partition=partition)
    await producer.stop()
    consumer = new_consumer(settings, "plait.reader", [REQUESTS])
    await consumer.start()
    received = [(await consumer.getone()).value == event for _ in range(3)]
    await consumer.stop()
    assert received == [True] * 3
