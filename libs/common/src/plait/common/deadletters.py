"""Dead letters: records that no retry will mend, kept on a topic of their own with where they came from and why.

A dead letter has the record's value and headers as they were, and headers of ours that hold the rest, its key too: its
own key is the record's place. It is written before the offset of its record is committed, so none is lost; after a
crash there may be two of one record, with equal places.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError
from aiokafka.structs import ConsumerRecord

from plait.common.errors import DependencyDown
from plait.common.kafka import OnDemandProducer, new_consumer, new_producer
from plait.common.settings import KafkaSettings
from plait.common.topics import DEAD_LETTERS, MAX_EVENT_BYTES

PREFIX: Final = "plait-dead-"
"""All headers that this module adds begin so; headers of a record that begin so are left out."""

_KEY: Final = PREFIX + "key"
_ROOM: Final = 64 * 1024
"""What headers and framing may add to a value before the topic's limit is reached."""
_LONGEST_REASON: Final = 500
_POLL_MS: Final = 200
_AT_ONCE: Final = 100


@dataclass(frozen=True)
class DeadLetter:
    """A record with its place of origin, the service that refused it, and the reason."""

    topic: str
    partition: int
    offset: int
    service: str
    error: str
    key: bytes | None
    value: bytes | None
    """None also when the record was too large to be kept, with its key and headers: see `size`."""
    headers: tuple[tuple[str, bytes | None], ...]
    """The record's own."""
    size: int
    """Bytes of the record's value."""

    @property
    def place(self) -> str:
        """`topic-partition-offset`: equal for two dead letters of one record."""
        return f"{self.topic}-{self.partition}-{self.offset}"


def of_record(record: ConsumerRecord[bytes | None, bytes | None], service: str, error: str) -> DeadLetter:
    """The dead letter of a record just consumed."""
    return DeadLetter(
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        service=service,
        error=error[:_LONGEST_REASON],
        key=record.key,
        value=record.value,
        headers=tuple((name, value) for name, value in record.headers if not name.startswith(PREFIX)),
        size=len(record.value or b""),
    )


def to_headers(letter: DeadLetter) -> list[tuple[str, bytes]]:
    """The headers that are added, values in UTF-8."""
    added = {
        "topic": letter.topic,
        "partition": str(letter.partition),
        "offset": str(letter.offset),
        "service": letter.service,
        "error": letter.error,
        "size": str(letter.size),
    }
    key = [] if letter.key is None else [(_KEY, letter.key)]
    return [*key, *((PREFIX + name, value.encode("utf-8", "replace")) for name, value in added.items())]


def parse(record: ConsumerRecord[bytes | None, bytes | None]) -> DeadLetter | None:
    """A record of the dead-letter topic read back; None when somebody else wrote it."""
    ours = {n.removeprefix(PREFIX): (v or b"").decode("utf-8", "replace") for n, v in record.headers if _is_ours(n)}
    try:
        return DeadLetter(
            topic=ours["topic"],
            partition=int(ours["partition"]),
            offset=int(ours["offset"]),
            service=ours["service"],
            error=ours["error"],
            key=next((value for name, value in record.headers if name == _KEY), None),
            value=record.value,
            headers=tuple((n, v) for n, v in record.headers if not _is_ours(n)),
            size=int(ours["size"]),
        )
    except (KeyError, ValueError):
        return None


def _fits(letter: DeadLetter) -> bool:
    headers = sum(2 * len(name) + len(value or b"") for name, value in letter.headers)
    return letter.size + headers + len(letter.key or b"") <= MAX_EVENT_BYTES - _ROOM


def _is_ours(name: str) -> bool:
    return name.startswith(PREFIX)


class DeadLetters:
    """Publishes dead letters; connects when the first one comes."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._producer = OnDemandProducer(settings)

    async def publish(self, letters: Sequence[DeadLetter]) -> None:
        """Write all of them; returns when the broker has them.

        Raises:
            DependencyDown: the broker did not take one; some may be written.
        """
        try:
            for letter in letters:
                await self._send(letter)
        except (KafkaError, OSError) as error:
            raise DependencyDown(f"dead letters cannot be written: {type(error).__name__}") from error

    async def _send(self, letter: DeadLetter) -> None:
        producer = await self._producer.started()
        kept = letter if _fits(letter) else replace(letter, key=None, value=None, headers=())
        await producer.send_and_wait(
            DEAD_LETTERS.name, kept.value, letter.place.encode(), headers=[*kept.headers, *to_headers(kept)]
        )

    async def close(self) -> None:
        """Disconnect."""
        await self._producer.close()


async def list_letters(settings: KafkaSettings) -> AsyncIterator[tuple[DeadLetter, datetime]]:
    """Every dead letter that the broker has at this moment, and when it was put aside; oldest first.

    Raises:
        DependencyDown: the broker does not answer.
    """
    place = TopicPartition(DEAD_LETTERS.name, 0)
    try:
        async with _reading(settings, place) as consumer:
            end = await _end(consumer, place)
            while await consumer.position(place) < end:
                for record in (await consumer.getmany(timeout_ms=_POLL_MS, max_records=_AT_ONCE)).get(place, []):
                    letter = parse(record)
                    if letter is not None:
                        yield letter, datetime.fromtimestamp(record.timestamp / 1000, UTC)
    except (KafkaError, OSError) as error:
        raise DependencyDown(f"dead letters cannot be read: {type(error).__name__}") from error


async def resend(settings: KafkaSettings, letters: Iterable[DeadLetter]) -> int:
    """Send records back to the topics and partitions they came from; how many were sent.

    One whose value was not kept is left out. The letters stay where they are; who handles a record twice does no harm.

    Raises:
        DependencyDown: the broker did not take one; those before it are sent.
    """
    sent = 0
    producer = new_producer(settings)
    try:
        await producer.start()
        for letter in letters:
            if letter.size == len(letter.value or b""):
                await producer.send_and_wait(
                    letter.topic, letter.value, letter.key, letter.partition, headers=list(letter.headers)
                )
                sent += 1
    except (KafkaError, OSError) as error:
        raise DependencyDown(f"dead letters cannot be sent: {type(error).__name__}") from error
    finally:
        await producer.stop()
    return sent


@asynccontextmanager
async def _reading(settings: KafkaSettings, place: TopicPartition) -> AsyncIterator[AIOKafkaConsumer]:
    """A reader without a group: it leaves no trace at the broker."""
    consumer = new_consumer(settings, None)
    consumer.assign([place])
    try:
        await consumer.start()
        yield consumer
    finally:
        await consumer.stop()


async def _end(consumer: AIOKafkaConsumer, place: TopicPartition) -> int:
    """Where the log ends now, as a fetch tells it: the embedded broker has no right answer to the direct question."""
    await consumer.seek_to_beginning(place)
    while consumer.highwater(place) is None:
        await consumer.getmany(timeout_ms=_POLL_MS, max_records=1)
    await consumer.seek_to_beginning(place)
    return int(consumer.highwater(place))
