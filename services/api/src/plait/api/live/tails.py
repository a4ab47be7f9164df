"""Answers that somebody watches while they run: their pieces as they come, bounded for who reads too slowly."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator
from typing import Final
from uuid import UUID

from msgspec import Struct

from plait.api.live.listener import Reason
from plait.api.live.reading import Ended, Record, Seen
from plait.api.live.reading import Piece as PieceSeen
from plait.common.access.grants import Grant
from plait.common.events import ChunkEvent, Piece, decode

_MOST_BYTES: Final = 16 * 1024 * 1024


class Pieces(Struct, frozen=True):
    """Pieces that follow each other."""

    first: int
    pieces: list[Piece]


class Tail:
    """What came of one answer since somebody began to watch it."""

    def __init__(self, grant: Grant) -> None:
        """`grant`: what is opened to whoever watches."""
        self.grant = grant
        self._waiting: deque[Pieces] = deque()
        self._size = 0
        self._wake = asyncio.Event()
        self.ended: Ended | None = None
        self.over: Reason | None = None
        """Why nothing more will be told."""

    def offer(self, pieces: Pieces) -> None:
        """Queue pieces; when too many wait they are dropped, and it is over."""
        self._size += sum(len(piece.data) for piece in pieces.pieces)
        if self._size > _MOST_BYTES:
            self.close("slow")
        elif not self.over:
            self._waiting.append(pieces)
            self._wake.set()

    def end(self, ended: Ended) -> None:
        """The answer has ended; pieces may still come, since they come another way."""
        self.ended = ended
        self._wake.set()

    def close(self, reason: Reason) -> None:
        """Let the watcher go; the first reason is the one that holds."""
        self.over = self.over or reason
        self._waiting.clear()
        self._wake.set()

    async def next(self, within_s: float) -> list[Pieces]:
        """What has come, or comes within so many seconds; also returns when the answer ends."""
        if not self._wake.is_set():
            try:
                async with asyncio.timeout(within_s):
                    await self._wake.wait()
            except TimeoutError:
                return []
        self._wake.clear()
        found = list(self._waiting)
        self._waiting.clear()
        self._size = 0
        return found


class Tails:
    """All answers that are watched."""

    def __init__(self) -> None:
        self._of: dict[UUID, set[Tail]] = {}

    def __len__(self) -> int:
        return sum(map(len, self._of.values()))

    def __iter__(self) -> Iterator[Tail]:
        return (tail for watching in self._of.values() for tail in watching)

    def watch(self, exchange_id: UUID, grant: Grant) -> Tail:
        """Watch an answer from now on, until `leave`."""
        tail = Tail(grant)
        self._of.setdefault(exchange_id, set()).add(tail)
        return tail

    def leave(self, exchange_id: UUID, tail: Tail) -> None:
        """Watch it no more."""
        watching = self._of.get(exchange_id, set())
        watching.discard(tail)
        if not watching:
            self._of.pop(exchange_id, None)

    def take(self, record: Record, seen: Seen | None) -> None:
        """Hand out what a record has of an answer that is watched. Only then its pieces are decoded."""
        if not isinstance(seen, PieceSeen | Ended) or seen.exchange_id not in self._of:
            return
        watching = self._of[seen.exchange_id]
        if isinstance(seen, Ended):
            for tail in watching:
                tail.end(seen)
            return
        event = decode(record.value or b"")
        assert isinstance(event, ChunkEvent)
        for tail in watching:
            tail.offer(Pieces(event.data.index, event.data.pieces))
