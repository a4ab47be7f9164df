"""`plait lag`: how far each consumer is behind."""

from __future__ import annotations

from dataclasses import dataclass

from plait.cli.ends import ends, partitions, reader
from plait.common.kafka import admin_client, committed_offsets
from plait.common.settings import KafkaSettings
from plait.common.topics import READS


@dataclass(frozen=True)
class Lag:
    """Of one group on one topic."""

    group: str
    topic: str
    committed: int
    """Records that are settled."""
    records: int
    """Records that are not yet."""


async def measure(settings: KafkaSettings) -> list[Lag]:
    """Lag of every group on every topic that it reads.

    Raises:
        DependencyDown: the broker does not answer.
    """
    places = partitions(sorted({topic for topics in READS.values() for topic in topics}, key=lambda t: t.name))
    async with reader(settings) as consumer:
        end = await ends(consumer, dict.fromkeys(places, 0))
    found = []
    async with admin_client(settings) as admin:
        for group, topics in READS.items():
            committed = await committed_offsets(admin, group, topics)
            for topic in topics:
                mine = [place for place in places if place.topic == topic.name]
                settled = sum(committed.get(place, 0) for place in mine)
                found.append(Lag(group, topic.name, settled, sum(end[place] for place in mine) - settled))
    return found
