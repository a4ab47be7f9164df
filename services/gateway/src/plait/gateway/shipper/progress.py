"""What has to be read again after a restart: everything from the oldest exchange that is not safe elsewhere. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from aiokafka import TopicPartition

from plait.gateway.spool.segments import Position

Places = dict[TopicPartition, int]
"""Per partition, an offset."""


@dataclass
class Hold:
    """What keeps an exchange's records in the spool, from its request at `position` until all of it is safe."""

    position: Position
    unacknowledged: int = 0
    ended: bool = False
    published: Places = field(default_factory=dict)

    def sent(self) -> None:
        """An event of it is on its way to the broker."""
        self.unacknowledged += 1

    def acknowledged(self, place: TopicPartition, offset: int) -> None:
        """The broker has an event of it, at this place."""
        self.unacknowledged -= 1
        self.published[place] = max(offset, self.published.get(place, -1))

    def end(self) -> None:
        """All its events were sent."""
        self.ended = True


class Progress:
    """Exchanges between their first record and their release, in the order of their first records."""

    def __init__(self) -> None:
        self._held: deque[Hold] = deque()

    def began(self, position: Position) -> Hold:
        """An exchange whose request stands at `position`."""
        hold = Hold(position)
        self._held.append(hold)
        return hold

    def follow(self, before: Progress) -> None:
        """Put what `before` still holds in front: its records lie before all of these."""
        self._held.extendleft(reversed(before._held))

    def resume_point(self, reader: Position, is_safe: Callable[[Places], bool]) -> Position:
        """The oldest position still needed, after releasing from the front what has ended and `is_safe`.

        `is_safe` gets the last offset per partition of an exchange's events; `reader` is where reading goes on.
        """
        while self._held:
            oldest = self._held[0]
            if not oldest.ended or oldest.unacknowledged or not is_safe(oldest.published):
                return oldest.position
            self._held.popleft()
        return reader
