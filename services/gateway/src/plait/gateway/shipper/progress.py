"""What has to be read again after a restart: everything from the oldest exchange that is not safe elsewhere. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from aiokafka import TopicPartition

from plait.gateway.spool.segments import Position

Places = dict[TopicPartition, int]
"""Per partition, an offset."""


@dataclass
class _Open:
    """An exchange that is not released."""

    position: Position
    unacknowledged: int = 0
    ended: bool = False
    published: Places = field(default_factory=dict)


class Progress:
    """Exchanges between their first record and their release, in the order of their first records."""

    def __init__(self) -> None:
        self._open: dict[bytes, _Open] = {}

    def began(self, exchange: bytes, position: Position) -> None:
        """Its request stands at `position`."""
        self._open[exchange] = _Open(position)

    def sent(self, exchange: bytes) -> None:
        """An event of it is on its way to the broker."""
        self._open[exchange].unacknowledged += 1

    def acknowledged(self, exchange: bytes, place: TopicPartition, offset: int) -> None:
        """The broker has an event of it, at this place."""
        entry = self._open[exchange]
        entry.unacknowledged -= 1
        entry.published[place] = max(offset, entry.published.get(place, -1))

    def ended(self, exchange: bytes) -> None:
        """All its events were sent."""
        self._open[exchange].ended = True

    def resume_point(self, reader: Position, is_safe: Callable[[Places], bool]) -> Position:
        """The oldest position still needed, after releasing from the front what has ended and `is_safe`.

        `is_safe` gets the last offset per partition of an exchange's events; `reader` is where reading goes on.
        """
        while self._open:
            exchange, oldest = next(iter(self._open.items()))
            if not oldest.ended or oldest.unacknowledged or not is_safe(oldest.published):
                return oldest.position
            del self._open[exchange]
        return reader
