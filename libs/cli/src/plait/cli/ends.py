"""Where the partitions of topics end, asked in the one way that both brokers answer rightly."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from plait.common.errors import DependencyDown
from plait.common.kafka import admin_client, topics_ready
from plait.common.settings import KafkaSettings
from plait.common.topics import Topic

_ROUNDS: Final = 100


@asynccontextmanager
async def reader(settings: KafkaSettings) -> AsyncIterator[AIOKafkaConsumer]:
    """A consumer outside of any group: it reads and commits nothing.

    Raises:
        DependencyDown: no broker answers, or it has no topics yet.
    """
    try:
        async with admin_client(settings) as admin:
            if not await topics_ready(admin):
                raise DependencyDown("The broker has no topics yet: the shipper makes them, or `plait topics`.")
        consumer = AIOKafkaConsumer(
            bootstrap_servers=settings.kafka_bootstrap_servers,
            group_id=None,
            auto_offset_reset="earliest",
            enable_auto_commit=False,
            fetch_max_wait_ms=50,
        )
        await consumer.start()
    except (KafkaError, OSError) as error:
        raise DependencyDown(f"Kafka at {settings.kafka_bootstrap_servers} cannot be reached.") from error
    try:
        yield consumer
    finally:
        await consumer.stop()


def partitions(topics: Sequence[Topic]) -> list[TopicPartition]:
    """All partitions of these topics."""
    return [TopicPartition(topic.name, number) for topic in topics for number in range(topic.partitions)]


async def ends(consumer: AIOKafkaConsumer, start: Mapping[TopicPartition, int]) -> dict[TopicPartition, int]:
    """The offset after the last record of each partition, read from `start`.

    The embedded broker's answer to the direct question is wrong; what comes with fetched records is right.

    Raises:
        DependencyDown: a partition gives no answer.
    """
    consumer.assign(list(start))
    for place, offset in start.items():
        consumer.seek(place, offset)
    for _ in range(_ROUNDS):
        await consumer.getmany(timeout_ms=100, max_records=1000)
        known = {place: consumer.highwater(place) for place in start}
        if None not in known.values():
            return {place: end for place, end in known.items() if end is not None}
    raise DependencyDown("The broker does not tell where its partitions end.")
