"""Gives events to the broker, keeps count of what it has acknowledged, and knows when all is safe."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import partial
from typing import Final

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import MessageSizeTooLargeError
from aiokafka.structs import RecordMetadata
from msgspec import UNSET
from msgspec.structs import replace

from plait.common.errors import DependencyDown
from plait.common.events import ChunkEvent, ExchangeEvent, RequestEvent, ResponseEvent, encode
from plait.common.kafka import committed_offsets
from plait.common.topics import CHUNKS, MAX_EVENT_BYTES, READS, REQUESTS, RESPONSES, Topic
from plait.gateway.redaction import Redactor
from plait.gateway.shipper.metrics import SHIPPED
from plait.gateway.shipper.progress import Hold, Places

_TOPICS: Final[dict[type[ExchangeEvent], Topic]] = {
    RequestEvent: REQUESTS,
    ChunkEvent: CHUNKS,
    ResponseEvent: RESPONSES,
}
_KEEPERS: Final = ("plait.linker", "plait.ledger")
"""The groups that carry events over into Postgres."""
_MOST_IN_FLIGHT: Final = 64 * 1024 * 1024
_MOST_SENT: Final = MAX_EVENT_BYTES - 64 * 1024
"""Bytes of an event: the producer counts key and framing too."""
_log = structlog.get_logger(__name__)


class Publisher:
    """Sends events in order, a bounded number of bytes ahead of the broker's acknowledgements."""

    def __init__(
        self, producer: AIOKafkaProducer, redactor: Redactor | None = None, refused: set[bytes] | None = None
    ) -> None:
        """`redactor`: applied to messages once more, now that what was cut into several events is together.

        `refused`: gets the exchanges of which the broker will never take an event, however often it is sent.
        """
        self._producer = producer
        self._redactor = redactor
        self.refused: set[bytes] = set() if refused is None else refused
        self.in_flight = 0
        """Bytes that the broker has not acknowledged."""
        self._room = asyncio.Event()
        self._room.set()
        self._failure: BaseException | None = None

    async def publish(self, hold: Hold, event: ExchangeEvent) -> None:
        """Hand an event to the producer; returns before the broker has it.

        Raises:
            DependencyDown: the broker did not take this event or one before it.
        """
        self.check()
        await self._room.wait()
        if self._redactor and isinstance(event, ResponseEvent):
            event = self._redactor.response(event)
        value = encode(event)
        if len(value) > _MOST_SENT:
            _log.warning("event is too large and goes without its body", exchange_id=event.subject, bytes=len(value))
            event = _without_body(event)
            value = encode(event)
        future = await self._send(event, value)
        hold.sent()
        self._flies(len(value))
        future.add_done_callback(partial(self._landed, hold, event.data.exchange_id.bytes, len(value)))

    async def flush(self) -> None:
        """Returns when the broker has acknowledged all that was published.

        Raises:
            DependencyDown: it did not.
        """
        await self._producer.flush()
        self.check()

    async def _send(self, event: ExchangeEvent, value: bytes) -> asyncio.Future[RecordMetadata]:
        topic = _TOPICS[type(event)].name
        future: asyncio.Future[RecordMetadata] = await self._producer.send(
            topic, value, key=event.partitionkey.encode("utf-8", "surrogateescape")
        )
        return future

    def check(self) -> None:
        """Raise if an event could not be delivered.

        Raises:
            DependencyDown: so it was; what was sent since the resume point has to be sent again.
        """
        if self._failure is not None:
            raise DependencyDown(f"an event was not delivered: {type(self._failure).__name__}")

    def _flies(self, size: int) -> None:
        self.in_flight += size
        if self.in_flight > _MOST_IN_FLIGHT:
            self._room.clear()

    def _landed(self, hold: Hold, exchange: bytes, size: int, future: asyncio.Future[RecordMetadata]) -> None:
        self.in_flight -= size
        if self.in_flight <= _MOST_IN_FLIGHT:
            self._room.set()
        if future.cancelled():
            self._failure = asyncio.CancelledError()
        elif (error := future.exception()) is not None:
            self._failure = error
            if isinstance(error, MessageSizeTooLargeError):  # the topic's bound is lower than ours
                self.refused.add(exchange)
        else:
            found = future.result()
            SHIPPED.labels(found.topic).inc()
            hold.acknowledged(found.topic_partition, found.offset)


def _without_body(event: ExchangeEvent) -> ExchangeEvent:
    if isinstance(event, ChunkEvent):
        return replace(event, data=replace(event.data, pieces=[]))
    left = replace(event.data, body=UNSET, body_base64=UNSET, body_left_out="too_large")
    return replace(event, data=left)


@dataclass(frozen=True)
class Committed:
    """Whether consumers have carried events over into the database: what safety means on a broker that forgets."""

    offsets: dict[str, Places]
    """By group, the next offset that it will read in each partition."""

    @classmethod
    async def ask(cls, admin: AIOKafkaAdminClient) -> Committed:
        """How far the keepers are now."""
        return cls({group: await committed_offsets(admin, group, READS[group]) for group in _KEEPERS})

    def covers(self, published: Places) -> bool:
        """Whether every keeper is past all of these offsets that it reads."""
        return all(
            self.offsets[group].get(place, 0) > offset
            for group in _KEEPERS
            for place, offset in published.items()
            if place.topic in {topic.name for topic in READS[group]}
        )
