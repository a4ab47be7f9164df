"""One life of a broker that forgets: tells when it is over, and carries commits that no other life can get.

The embedded broker takes any commit of a group without members, also of offsets that it has never had (measured). An
offset of one life must therefore never reach the next one: records there would be skipped. aiokafka sends a commit over
a new connection when the old one is broken, and goes on with it although it was cancelled. So commits go over a
connection of their own that is never made anew: it breaks with the broker's process, and what is sent over it then
reaches nobody.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager

from aiokafka import TopicPartition
from aiokafka.conn import AIOKafkaConnection, CloseReason, create_conn
from aiokafka.errors import KafkaError, for_code
from aiokafka.protocol.commit import OffsetCommitRequest

from plait.common.errors import DependencyDown
from plait.common.settings import KafkaSettings

_NO_GENERATION = OffsetCommitRequest.DEFAULT_GENERATION_ID
_NO_MEMBER = ""
_BROKER_S_RETENTION = OffsetCommitRequest.DEFAULT_RETENTION_TIME


class Lifeline:
    """A connection to the broker's present process."""

    def __init__(self, connection: AIOKafkaConnection) -> None:
        self._connection = connection

    async def commit(self, group: str, offsets: Mapping[TopicPartition, int]) -> None:
        """Commit `offsets`, per partition the next one to read, for `group`.

        Raises:
            KafkaError: the broker of this life is gone, or did not take them.
        """
        topics = defaultdict(list)
        for place, offset in offsets.items():
            topics[place.topic].append((place.partition, offset, ""))
        request = OffsetCommitRequest(group, _NO_GENERATION, _NO_MEMBER, _BROKER_S_RETENTION, list(topics.items()))
        response = await self._connection.send(request)
        for _, partitions in response.topics:
            for _, code in partitions:
                if code:
                    raise for_code(code)


@asynccontextmanager
async def lifeline(settings: KafkaSettings, on_lost: Callable[[], None]) -> AsyncIterator[Lifeline]:
    """Hold a connection to the broker for the length of the block; `on_lost` is called when it breaks.

    Raises:
        DependencyDown: nobody answers.
    """

    def closed(_connection: AIOKafkaConnection, _reason: CloseReason | None) -> None:
        on_lost()

    host, _, port = settings.kafka_bootstrap_servers.split(",")[0].rpartition(":")
    try:
        connection = await create_conn(host, int(port), on_close=closed)
    except (OSError, KafkaError) as error:
        raise DependencyDown(f"Kafka does not answer: {error}") from error
    try:
        yield Lifeline(connection)
    finally:
        connection.close()
