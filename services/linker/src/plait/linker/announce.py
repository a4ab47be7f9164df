"""Conversation events on their way to Kafka: written with the links, published after the commit, none lost between."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final, cast

import asyncpg
import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, MessageSizeTooLargeError, RecordListTooLargeError
from aiokafka.structs import RecordMetadata

from plait.common.consumer.waits import Pauses
from plait.common.errors import DependencyDown
from plait.common.events import SOURCE_LINKER, ConversationData, ConversationEvent, decode, encode, partition_key
from plait.common.kafka import OnDemandProducer, admin_client, topics_ready
from plait.common.postgres import Database
from plait.common.settings import KafkaSettings
from plait.common.topics import CONVERSATIONS
from plait.linker import statements
from plait.linker.columns import columns

_AT_ONCE: Final = 500
"""Events published in one go, and thus repeated at most after a crash."""
_AGAIN_S: Final = 1.0

_log = structlog.get_logger()


def event_of(data: ConversationData, at: datetime | None = None) -> ConversationEvent:
    """The event of a conversation's new state."""
    return ConversationEvent(
        id=f"{data.conversation_id}/{data.revision}",
        source=SOURCE_LINKER,
        subject=str(data.conversation_id),
        time=at or datetime.now(UTC),
        partitionkey=partition_key(data.domain, str(data.conversation_id)),
        data=data,
    )


async def put_out(connection: asyncpg.pool.PoolConnectionProxy, changed: Iterable[ConversationData]) -> None:
    """Write the events of changed conversations beside the change itself."""
    events = [event_of(data) for data in changed]
    if events:
        await connection.execute(statements.ADD_OUTBOX, *columns([(e.partitionkey, encode(e)) for e in events]))


class Announcer:
    """Publishes what lies in the outbox."""

    def __init__(self, database: Database, settings: KafkaSettings) -> None:
        self._database = database
        self._settings = settings
        self._producer = OnDemandProducer(settings)
        self._filled = asyncio.Event()

    def wake(self) -> None:
        """Something was put out and committed: it came from the broker's topics, so they are there."""
        self._filled.set()

    async def run(self) -> None:
        """Publish what an earlier run left, and then whenever woken, until cancelled.

        What an absent broker or database keeps back is tried again. Nothing is sent before the topics are there: a too
        early question for one would make it wrongly.
        """
        pauses = Pauses()
        while not (self._filled.is_set() or await self._are_topics_there()):
            await pauses.wait(self._filled)
        self._filled.set()
        try:
            while True:
                await self._filled.wait()
                self._filled.clear()
                await self._publish_all()
        finally:
            await self._producer.close()

    async def _are_topics_there(self) -> bool:
        try:
            async with admin_client(self._settings) as admin:
                return await topics_ready(admin)
        except (KafkaError, OSError):
            return False

    async def _publish_all(self) -> None:
        try:
            while await self._publish_some():
                pass
        except (DependencyDown, KafkaError, OSError) as error:
            _log.warning("conversation events wait", error=type(error).__name__)
            await asyncio.sleep(_AGAIN_S)
            self._filled.set()

    async def _publish_some(self) -> int:
        """Take the oldest events out and publish them before that is committed; how many there were."""
        producer = await self._producer.started()
        async with self._database.transaction() as connection:
            rows = await connection.fetch(statements.TAKE_OUTBOX, _AT_ONCE)
            rows.sort(key=lambda row: int(row["id"]))
            sent = [await _send(producer, row) for row in rows]
            for row, outcome in zip(rows, await asyncio.gather(*sent, return_exceptions=True), strict=True):
                _judge(row, outcome)
        return len(rows)


async def _send(producer: AIOKafkaProducer, row: asyncpg.Record) -> asyncio.Future[RecordMetadata]:
    """Hand an event to the producer; what becomes of it the future tells, also when it is refused at once."""
    try:
        sent = await producer.send(CONVERSATIONS.name, key=row["key"].encode(), value=bytes(row["event"]))
    except MessageSizeTooLargeError as error:
        sent = asyncio.get_running_loop().create_future()
        sent.set_exception(error)
    return cast("asyncio.Future[RecordMetadata]", sent)


def _judge(row: asyncpg.Record, outcome: RecordMetadata | BaseException) -> None:
    """An event that no broker will ever take is given up, or it would keep all behind it back for ever.

    Raises:
        KafkaError: it was not published, and is tried again.
    """
    if isinstance(outcome, MessageSizeTooLargeError | RecordListTooLargeError):
        event = decode(bytes(row["event"]))
        _log.error("conversation event is too large and lost", conversation_id=event.subject, bytes=len(row["event"]))
    elif isinstance(outcome, BaseException):
        raise outcome
