"""Which ways out are in use, or have to be left alone for a while; of this process."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Lanes:
    """One notice of a lane at a time; one that did not get there lets its lane rest."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._busy: set[str] = set()
        self._resting: dict[str, float] = {}

    @property
    def closed(self) -> list[str]:
        """Those that nothing may be sent by now."""
        now = self._clock()
        self._resting = {lane: until for lane, until in self._resting.items() if until > now}
        return [*self._busy, *self._resting]

    @contextmanager
    def using(self, lane: str) -> Iterator[None]:
        """Nobody else uses it meanwhile."""
        self._busy.add(lane)
        try:
            yield
        finally:
            self._busy.discard(lane)

    def rest(self, lane: str, seconds: float) -> None:
        """Send nothing by it for so long."""
        self._resting[lane] = self._clock() + seconds
