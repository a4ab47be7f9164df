"""Clients of the broker with settings that both brokers bear, and the creation of topics.

Two facts about the embedded broker shape this module (measured): it forgets everything when it restarts, and it
creates any topic that a client asks about, with too few partitions. So a topic's presence proves nothing. The topic
`plait.life` does: only `ensure_topics` makes it, after all others, and no client ever asks for it by name.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Final

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import TopicAlreadyExistsError, for_code

from plait.common.errors import DependencyDown
from plait.common.settings import KafkaSettings
from plait.common.topics import ALL, MAX_EVENT_BYTES, Topic

LIFE: Final = Topic("plait.life", 1, -1)
"""Is there exactly as long as the broker remembers: its absence means a new, empty broker."""

_REQUEST_TIMEOUT_MS: Final = 20_000
_BATCH_BYTES: Final = 256 * 1024
"""Of a partition, what goes in one request; aiokafka's own 16 KB would send nearly each event alone, and wait for it.
Kafka's default bound of a topic, 1 MB, is larger: no event is refused for its neighbours."""
_FETCH_BYTES: Final = 32 * 1024 * 1024
_PARTITION_FETCH_BYTES: Final = 4 * 1024 * 1024
_CLOSING_S: Final = 0.3
_NEVER_MS: Final = 24 * 60 * 60 * 1000
_EMBEDDED: Final = "embedded"
_ATTEMPTS: Final = 5
_LISTED_ATTEMPTS: Final = 100
_LISTED_PAUSE_SECONDS: Final = 0.05


def is_embedded(settings: KafkaSettings) -> bool:
    """Whether the broker is the one that forgets on restart."""
    return settings.kafka_flavor == _EMBEDDED


def new_producer(settings: KafkaSettings) -> AIOKafkaProducer:
    """A producer that waits for all replicas and takes events of any size we allow; not started.

    Idempotent only on real Kafka: the embedded broker lacks it. Order within a partition holds on both, since aiokafka
    has one request in flight per partition.
    """
    return AIOKafkaProducer(
        bootstrap_servers=settings.kafka_bootstrap_servers,
        acks="all",
        compression_type="zstd",
        max_request_size=MAX_EVENT_BYTES,
        max_batch_size=_BATCH_BYTES,
        linger_ms=2,
        request_timeout_ms=_REQUEST_TIMEOUT_MS,
        enable_idempotence=not is_embedded(settings),
    )


async def abandon(producer: AIOKafkaProducer) -> None:
    """Disconnect at once. What the broker has not acknowledged is no longer sent, and its future stays open for ever.

    aiokafka's own `stop` delivers first, for as long as that takes; cancelled, it leaves a producer that goes on by
    itself, and in a broker's next life delivers what was meant for the one before.
    """
    producer._closed = True
    sending = producer._sender.sender_task
    if sending is not None:
        sending.cancel()
    await producer.client.close()
    while sending is not None and not sending.done():
        await asyncio.wait({sending}, timeout=_CLOSING_S)
        sending.cancel()  # once more: what is on its way may wait for the client, which does nothing any more
    await producer.client.close()  # it may have connected anew to send the last batch


class OnDemandProducer:
    """A producer that connects when it is first asked for, so that having one needs no broker."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings
        self._producer: AIOKafkaProducer | None = None

    async def started(self) -> AIOKafkaProducer:
        """The producer, connected.

        Raises:
            KafkaConnectionError: no broker answers; ask again.
        """
        if self._producer is None:
            producer = new_producer(self._settings)
            try:
                await producer.start()
            except BaseException:
                await abandon(producer)
                raise
            self._producer = producer
        return self._producer

    async def close(self) -> None:
        """Disconnect; what is not acknowledged is given up."""
        if self._producer is not None:
            producer, self._producer = self._producer, None
            await abandon(producer)


def new_consumer(settings: KafkaSettings, group: str | None, topics: Iterable[Topic] = ()) -> AIOKafkaConsumer:
    """A member of `group` that starts at the beginning and commits only when told; not started.

    A fetch gives up after 50 ms because the embedded broker does not wake one that waits. That broker lets a first
    member wait for half a session before it is given partitions. A fetch is small (memory is bounded by it); a record
    larger than it comes alone. A member that pauses keeps its partitions.
    """
    session_ms = 6_000 if is_embedded(settings) else 9_000
    return AIOKafkaConsumer(
        *(topic.name for topic in topics),
        bootstrap_servers=settings.kafka_bootstrap_servers,
        group_id=group,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        fetch_max_wait_ms=50,
        fetch_max_bytes=_FETCH_BYTES,
        max_partition_fetch_bytes=_PARTITION_FETCH_BYTES,
        metadata_max_age_ms=60_000,
        session_timeout_ms=session_ms,
        heartbeat_interval_ms=1_000,
        rebalance_timeout_ms=15_000,
        max_poll_interval_ms=_NEVER_MS,
    )


@asynccontextmanager
async def admin_client(settings: KafkaSettings) -> AsyncIterator[AIOKafkaAdminClient]:
    """An admin client, connected for the length of the block.

    Raises:
        KafkaConnectionError: no broker answers.
    """
    admin = AIOKafkaAdminClient(
        bootstrap_servers=settings.kafka_bootstrap_servers, request_timeout_ms=_REQUEST_TIMEOUT_MS
    )
    try:
        await admin.start()
        yield admin
    finally:
        await admin.close()


async def topics_ready(admin: AIOKafkaAdminClient) -> bool:
    """Whether `ensure_topics` has run in this broker's life. Asks for no topic by name, so it creates none."""
    return LIFE.name in await admin.list_topics()


async def ensure_topics(admin: AIOKafkaAdminClient, settings: KafkaSettings) -> bool:
    """Create what is missing, each with its final partition count. True when this broker had not been set up before.

    Raises:
        DependencyDown: a topic could not be created as it must be.
    """
    new_life = not await topics_ready(admin)
    for topic in ALL:
        await _ensure(admin, topic, settings, may_replace=new_life and is_embedded(settings))
    await _create(admin, LIFE, settings)
    await _until_listed(admin)
    return new_life


async def _until_listed(admin: AIOKafkaAdminClient) -> None:
    """A real broker's metadata shows a new topic some moments after its creation."""
    wanted = {topic.name for topic in (*ALL, LIFE)}
    for _ in range(_LISTED_ATTEMPTS):
        if wanted <= set(await admin.list_topics()):
            return
        await asyncio.sleep(_LISTED_PAUSE_SECONDS)
    raise DependencyDown("topics that were created are not listed by the broker")


async def committed_offsets(
    admin: AIOKafkaAdminClient, group: str, topics: Sequence[Topic]
) -> dict[TopicPartition, int]:
    """The next offset that `group` will read, per partition in which it has committed one."""
    wanted = [TopicPartition(topic.name, number) for topic in topics for number in range(topic.partitions)]
    found = await admin.list_consumer_group_offsets(group, partitions=wanted)
    return {place: known.offset for place, known in found.items() if known.offset >= 0}


async def _ensure(admin: AIOKafkaAdminClient, topic: Topic, settings: KafkaSettings, *, may_replace: bool) -> None:
    """Create a topic, or replace one that a client's question made with too few partitions.

    Nothing can be in such a topic: what a broker holds begins with what is shipped after this.
    """
    for _ in range(_ATTEMPTS):
        if await _create(admin, topic, settings) or not may_replace:
            return
        found = await admin.describe_topics([topic.name])
        if len(found[0]["partitions"]) == topic.partitions:
            return
        await admin.delete_topics([topic.name])
    raise DependencyDown(f"topic {topic.name} cannot be created with {topic.partitions} partitions")


async def _create(admin: AIOKafkaAdminClient, topic: Topic, settings: KafkaSettings) -> bool:
    """True when it was created, False when it was there."""
    asked = NewTopic(topic.name, topic.partitions, settings.kafka_replication, topic_configs=topic.config)
    answer = await admin.create_topics([asked])
    failure = answer.to_object()["topic_errors"][0]
    code = int(failure["error_code"])
    if code not in (0, TopicAlreadyExistsError.errno):
        why = failure["error_message"] or for_code(code).__name__
        raise DependencyDown(f"topic {topic.name} cannot be created: {why}")
    return code == 0
