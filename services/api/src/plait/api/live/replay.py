"""What a listener missed that the hub remembers no more: read once again from the broker, as far as it still has it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Final

import structlog
from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from plait.api.live.broker import Topics, topics
from plait.api.live.hub import Framer
from plait.api.live.news import Interest
from plait.api.live.places import PLACES, Position
from plait.api.live.reading import Read, in_order, read
from plait.common.errors import DependencyDown, PlaitError
from plait.common.settings import KafkaSettings

_log = structlog.get_logger()

_MOST: Final = 50_000
"""Records that are read again for one listener: more are too many to be read as news."""
_AT_ONCE: Final = 2
"""Listeners who are read to at a time; the others wait."""
_PATIENCE_S: Final = 20.0
_GONE: Final = "The broker has begun anew, or has let go of what came since."


class Lost(PlaitError):
    """What came since cannot be told any more."""


class Replay:
    """Reads again, for a few at a time."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings
        self._turn = asyncio.Semaphore(_AT_ONCE)

    async def since(
        self, position: Position, interest: Interest, now: Position
    ) -> AsyncIterator[tuple[bytes, Position]]:
        """Frames of what came between two positions, in order of time, each with where that leads.

        Raises:
            Lost: the broker has not all of it, or it is too much.
        """
        async with self._turn:
            framer = Framer(Position(position.offsets, now.life, position.place, position.mark))
            for found in await self._records(position, now):
                wanted = b"".join(told.frame for told in framer.frames(found) if told.concerns(interest))
                if wanted:
                    yield wanted, framer.position
            yield b"", framer.position

    async def _records(self, position: Position, now: Position) -> Iterator[Read]:
        try:
            async with asyncio.timeout(_PATIENCE_S), topics(self._settings) as found:
                if not await found.holds(position):
                    raise Lost(_GONE)
                return in_order(await _between(found, position, now))
        except (KafkaError, OSError, DependencyDown, UnicodeDecodeError) as error:
            _log.info("events cannot be read again", reason=type(error).__name__)
            raise Lost("The broker does not answer.") from error


async def _between(found: Topics, position: Position, now: Position) -> list[list[Read]]:
    """Per place, the records from one position to the other."""
    places = zip(PLACES, position.offsets, now.offsets, strict=True)
    wanted = {place: (first, end) for place, first, end in places if first < end}
    if sum(end - first for first, end in wanted.values()) > _MOST:
        raise Lost("Too much has come since.")
    got: dict[TopicPartition, list[Read]] = {place: [] for place in wanted}
    reached = {place: first for place, (first, _) in wanted.items()}
    found.seek(position.offsets)
    while open_places := [place for place, (_, end) in wanted.items() if reached[place] < end]:
        polled = await found.poll()
        for place in open_places:
            records, (first, end) = polled.get(place, []), wanted[place]
            if records and reached[place] == first < records[0].offset:
                raise Lost(_GONE)
            got[place] += [read(record) for record in records if record.offset < end]
            reached[place] = records[-1].offset + 1 if records else reached[place]
    return list(got.values())
