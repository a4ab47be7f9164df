"""Events on their way to Kafka: written with what they tell of, published after the commit, none lost between.

An event is deleted from its outbox once the broker has it. A crash between the two publishes it again: at least once,
under the same id.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias, cast

import asyncpg
import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, MessageSizeTooLargeError, RecordListTooLargeError
from aiokafka.structs import RecordMetadata

from plait.common.consumer.waits import Pauses
from plait.common.errors import DependencyDown
from plait.common.events import Event, decode, encode
from plait.common.kafka import OnDemandProducer, admin_client, topics_ready
from plait.common.postgres import Database
from plait.common.settings import KafkaSettings
from plait.common.topics import Topic

_AT_ONCE: Final = 500
"""Events published in one go, and thus repeated at most after a crash."""
_AGAIN_S: Final = 1.0

_log = structlog.get_logger()

Connection: TypeAlias = "asyncpg.Connection | asyncpg.pool.PoolConnectionProxy"


@dataclass(frozen=True)
class Outbox:
    """A table of events for one topic."""

    table: str
    topic: Topic

    async def put(self, connection: Connection, events: Sequence[Event]) -> None:
        """Write events beside the change that they tell of."""
        if events:
            keys = [event.partitionkey.replace("\0", "") for event in events]
            statement = f"INSERT INTO {self.table} (key, event) SELECT * FROM unnest($1::text[], $2::bytea[])"  # noqa: S608 - our own table
            await connection.execute(statement, keys, [encode(event) for event in events])

    async def take(self, connection: Connection, most: int) -> Sequence[asyncpg.Record]:
        """Delete the oldest events and return them in their order; two who take never get the same event."""
        statement = f"""
            DELETE FROM {self.table}
            WHERE id IN (SELECT id FROM {self.table} ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED)
            RETURNING id, key, event
        """  # noqa: S608 - our own table
        rows: list[asyncpg.Record] = await connection.fetch(statement, most)
        return sorted(rows, key=lambda row: int(row["id"]))


class Publisher:
    """Publishes what lies in an outbox."""

    def __init__(self, outbox: Outbox, database: Database, settings: KafkaSettings) -> None:
        self._outbox = outbox
        self._database = database
        self._settings = settings
        self._producer = OnDemandProducer(settings)
        self._filled = asyncio.Event()
        self._is_sure = True
        """Whether the topics are there: else that is looked at before anything is sent."""

    def wake(self) -> None:
        """Something was put out and committed: it came from the broker's topics, so they are there."""
        self._is_sure = True
        self._filled.set()

    def remind(self) -> None:
        """Something was put out and committed that did not come from the broker, which may be away."""
        self._is_sure = False
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
            if not (self._is_sure or await self._are_topics_there()):
                raise DependencyDown("the topics are not there")
            self._is_sure = True
            while await self._publish_some():
                pass
        except (DependencyDown, KafkaError, OSError) as error:
            _log.warning("events wait", topic=self._outbox.topic.name, error=type(error).__name__)
            await asyncio.sleep(_AGAIN_S)
            self._filled.set()

    async def _publish_some(self) -> int:
        """Take the oldest events out and publish them before that is committed; how many there were."""
        producer = await self._producer.started()
        async with self._database.transaction() as connection:
            rows = await self._outbox.take(connection, _AT_ONCE)
            sent = [await _send(producer, self._outbox.topic, row) for row in rows]
            for row, outcome in zip(rows, await asyncio.gather(*sent, return_exceptions=True), strict=True):
                _judge(row, outcome)
        return len(rows)


async def _send(producer: AIOKafkaProducer, topic: Topic, row: asyncpg.Record) -> asyncio.Future[RecordMetadata]:
    """Hand an event to the producer; what becomes of it the future tells, also when it is refused at once."""
    try:
        sent = await producer.send(topic.name, key=row["key"].encode(), value=bytes(row["event"]))
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
        _log.error("an event is too large and lost", type=event.__struct_config__.tag, subject=event.subject)
    elif isinstance(outcome, BaseException):
        raise outcome
