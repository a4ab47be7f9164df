"""Fan-out in memory: what was read is framed once, and handed to all who want it, several events at a time."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable, Sequence
from typing import Final

from msgspec import structs

from plait.api.live.listener import Listener
from plait.api.live.memory import Memory
from plait.api.live.news import Interest, Told, frame
from plait.api.live.places import Position
from plait.api.live.reading import Read

_REMEMBERED: Final = 20_000
"""Events that a listener who comes back is told without asking the broker."""
_AT_ONCE: Final = 500
"""Events that wait for others at most: a burst is handed out in parts."""
BEGAN_ANEW: Final = "The broker began anew: events may be missing, or come twice."


class Framer:
    """Makes events of records, one after the other, and knows where in the topics that is."""

    def __init__(self, start: Position, memory: Memory | None = None) -> None:
        self.memory = memory or Memory()
        self._offsets = list(start.offsets)
        self._life, self._place, self._mark = start.life, start.place, start.mark

    @property
    def position(self) -> Position:
        """Behind all records so far."""
        return Position(tuple(self._offsets), self._life, self._place, self._mark)

    def frames(self, read: Read) -> list[Told]:
        """The events of a record. Of several the last one alone says that the record was read."""
        told = list(self.memory.told(read))
        before = str(self.position) if len(told) > 1 else ""
        self._offsets[read.place] = read.offset + 1
        self._place, self._mark = read.place, read.mark
        after = str(self.position) if told else ""
        ids = [*[before] * (len(told) - 1), after]
        return [_framed(each, read, number) for each, number in zip(told, ids, strict=False)]


class Hub:
    """Those who listen, and the events told last."""

    def __init__(self, remembered: int = _REMEMBERED) -> None:
        self._listeners: dict[Interest, set[Listener]] = {}
        self._last: deque[Told] = deque()
        self._most = remembered
        self._pending: list[Told] = []
        self._framer: Framer | None = None
        self._first: list[int] = []
        """Per place: from here on all is among the last."""
        self._handed_out: Position | None = None
        self.begun = asyncio.Event()
        """Set once the end of the topics is known."""

    @property
    def position(self) -> Position | None:
        """Behind all that was taken; None: the end of the topics is not known yet."""
        return self._framer.position if self._framer else None

    @property
    def handed_out(self) -> Position | None:
        """Behind all that was offered to who listens."""
        return self._handed_out

    @property
    def memory(self) -> Memory | None:
        """What is known of recent exchanges."""
        return self._framer.memory if self._framer else None

    def begin(self, start: Position) -> None:
        """From now on records come from `start` on. What was told before is of another life of the broker."""
        before = self.memory
        self._framer = Framer(start, before)
        self._first = list(start.offsets)
        self._last.clear()
        self._pending.clear()
        self._handed_out = start
        self.begun.set()
        if before is not None:
            self._offer_all(frame("reset", {"message": BEGAN_ANEW}, str(start)))

    def take(self, read: Read) -> None:
        """Note what was read; `flush` hands it out."""
        assert self._framer is not None
        self._pending += self._framer.frames(read)
        if len(self._pending) >= _AT_ONCE:
            self.flush()

    def flush(self) -> None:
        """Hand out what was taken since the last time."""
        pending, self._pending = self._pending, []
        for interest, listeners in self._listeners.items():
            if pending and (wanted := _wanted(pending, interest)):
                for listener in listeners:
                    listener.offer(wanted)
        self._remember(pending)
        self._handed_out = self.position

    def has(self, since: Position) -> bool:
        """Whether all that came after a position is remembered."""
        now = self.position
        if now is None or since.life != now.life:
            return False
        places = zip(self._first, since.offsets, now.offsets, strict=True)
        return all(first <= offset <= end for first, offset, end in places)

    def join(self, listener: Listener, since: Position | None = None) -> bytes:
        """Listen from now on. Gives the frames of what came since a position that `has` is true of: they come first."""
        self.flush()
        self._listeners.setdefault(listener.interest, set()).add(listener)
        return b"" if since is None else _wanted(self._after(since), listener.interest)

    def leave(self, listener: Listener) -> None:
        """Listen no more."""
        of_its_kind = self._listeners.get(listener.interest, set())
        of_its_kind.discard(listener)
        if not of_its_kind:
            self._listeners.pop(listener.interest, None)

    def _offer_all(self, news: bytes) -> None:
        for listeners in self._listeners.values():
            for listener in listeners:
                listener.offer(news)

    def _after(self, since: Position) -> list[Told]:
        return [told for told in self._last if told.offset >= since.offsets[told.place]]

    def _remember(self, told: Sequence[Told]) -> None:
        self._last.extend(told)
        while len(self._last) > self._most:
            oldest = self._last.popleft()
            self._first[oldest.place] = oldest.offset + 1


def _framed(told: Told, read: Read, event_id: str) -> Told:
    return structs.replace(told, place=read.place, offset=read.offset, frame=frame(told.name, told.news, event_id))


def _wanted(told: Iterable[Told], interest: Interest) -> bytes:
    return b"".join(each.frame for each in told if each.concerns(interest))
