"""`plait topics`: are the topics there, each with its partitions; on a real Kafka, create those that are missing."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Final

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from plait.common.errors import DependencyDown
from plait.common.kafka import admin_client, ensure_topics, is_embedded
from plait.common.settings import KafkaSettings
from plait.common.topics import ALL, Topic

_LISTED_S: Final = 30.0
_POLL_S: Final = 0.05


@dataclass(frozen=True)
class State:
    """A topic as it should be, and what the broker has."""

    topic: Topic
    partitions: int | None
    """None: it is not there."""

    @property
    def is_good(self) -> bool:
        """Whether it is there with the partitions that it must have."""
        return self.partitions == self.topic.partitions


async def look(settings: KafkaSettings, *, create: bool) -> list[State]:
    """The state of every topic, after creating what is missing if asked.

    The embedded broker's topics are never created here: the shipper does it, and by their absence it knows that the
    broker has forgotten what was shipped.

    Raises:
        DependencyDown: no broker answers.
    """
    try:
        async with admin_client(settings) as admin:
            if create and not is_embedded(settings):
                await ensure_topics(admin, settings)
                await _until_listed(admin)
            return await _states(admin)
    except (KafkaError, OSError) as error:
        raise DependencyDown(f"Kafka at {settings.kafka_bootstrap_servers} cannot be reached.") from error


async def _until_listed(admin: AIOKafkaAdminClient) -> None:
    """Kafka says that a topic is created a moment before it lists it."""
    async with asyncio.timeout(_LISTED_S):
        while any(state.partitions is None for state in await _states(admin)):  # noqa: ASYNC110 - nothing tells
            await asyncio.sleep(_POLL_S)


async def _states(admin: AIOKafkaAdminClient) -> list[State]:
    """Asks only for topics that are there: the embedded broker makes those that it is asked for."""
    present = set(await admin.list_topics())
    found = await admin.describe_topics([topic.name for topic in ALL if topic.name in present])
    partitions = {each["topic"]: len(each["partitions"]) for each in found} if present else {}
    return [State(topic, partitions.get(topic.name)) for topic in ALL]
