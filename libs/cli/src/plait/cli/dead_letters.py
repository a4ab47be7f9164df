"""`plait dead-letters`: what consumers put aside, and sending it again once its cause is mended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from aiokafka.errors import KafkaError

from plait.cli.ends import ends, partitions, reader
from plait.common.deadletters import DeadLetter, parse
from plait.common.errors import DependencyDown, UserError
from plait.common.kafka import new_producer
from plait.common.settings import KafkaSettings
from plait.common.topics import DEAD_LETTERS


@dataclass(frozen=True)
class Found:
    """A dead letter and when it was put aside."""

    letter: DeadLetter
    at: datetime


async def read(settings: KafkaSettings) -> list[Found]:
    """All dead letters, oldest first; of several with one place the last.

    Raises:
        DependencyDown: the broker does not answer.
    """
    found: dict[str, Found] = {}
    async with reader(settings) as consumer:
        places = partitions([DEAD_LETTERS])
        end = await ends(consumer, dict.fromkeys(places, 0))
        for place in places:
            consumer.seek(place, 0)
        while any([await consumer.position(place) < end[place] for place in places]):
            for records in (await consumer.getmany(timeout_ms=500)).values():
                for record in records:
                    if letter := parse(record):
                        found[letter.place] = Found(letter, datetime.fromtimestamp(record.timestamp / 1000, UTC))
    return list(found.values())


def choose(found: Sequence[Found], places: Sequence[str]) -> list[DeadLetter]:
    """The letters of these places (`topic-partition-offset`), all when there are none.

    Raises:
        UserError: there is no letter of a place, or a record was too large to be kept.
    """
    known = {each.letter.place: each.letter for each in found}
    if strangers := [place for place in places if place not in known]:
        raise UserError(f"There is no dead letter {strangers[0]}: `plait dead-letters list` shows them.")
    chosen = [known[place] for place in places] or list(known.values())
    if lost := [letter for letter in chosen if letter.value is None and letter.size]:
        raise UserError(f"The record of {lost[0].place} was too large to be kept: name the others.")
    return chosen


async def resend(settings: KafkaSettings, letters: Sequence[DeadLetter]) -> None:
    """Publish the records again where they came from, as they were: every consumer gets them, none minds repeats.

    Raises:
        DependencyDown: the broker did not take one; those before it are sent.
    """
    producer = new_producer(settings)
    try:
        await producer.start()
        for letter in letters:
            headers = [(name, value or b"") for name, value in letter.headers]
            await producer.send_and_wait(letter.topic, key=letter.key, value=letter.value, headers=headers)
    except (KafkaError, OSError) as error:
        raise DependencyDown(f"Kafka did not take a record: {error}") from error
    finally:
        await producer.stop()
