"""What answers that are still running call already, read off their chunk events, each piece once.

How far a stream was read is remembered beside the database: what another linker read, or this one before a restart, is
read again off the stored chunks. A call that is told here is known for sure once the answer has ended; what that says
replaces it.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final
from uuid import UUID

import asyncpg
import msgspec

from plait.common.events import Piece
from plait.common.packing import unpack_pieces
from plait.linker import statements
from plait.linker.batch import Batch
from plait.linker.domain.facts import Call
from plait.linker.domain.streaming import MOST_HELD, CallsSoFar

MOST_RUNNING: Final = 16_384
"""Streams whose state is remembered, those that came last."""
_MOST_OVER: Final = 16_384
"""Streams of which nothing more is wanted; their last chunks may come after their end."""
_MOST_HELD_IN_ALL: Final = 64 * MOST_HELD
_PAGE: Final = 64
"""Stored chunks read at a time."""

Calls = Mapping[UUID, tuple[Call, ...]]
"""By exchange: the awaited calls of its answer that have come whole."""
Run = tuple[int, Sequence[Piece]]
"""Number of the first piece within the answer, and the pieces."""


class _Stream:
    """How far one stream was read."""

    def __init__(self) -> None:
        self.next = 0
        """Number of the first piece that was not read."""
        self.behind_at: int | None = None
        """Where reading stopped because a piece was not there, though later ones were."""
        self.told = 0
        """How many calls are stored."""
        self.reading = CallsSoFar()

    def read(self, runs: Iterable[Run]) -> bool:
        """Read on; False when pieces are missing before the last of these."""
        for first, pieces in sorted(runs, key=lambda run: run[0]):
            if first > self.next:
                return False
            for piece in pieces[self.next - first :]:
                self.reading.feed(piece.data)
            self.next = max(self.next, first + len(pieces))
        return True


class Streams:
    """The running streams of one linker."""

    def __init__(self) -> None:
        self._running: OrderedDict[UUID, _Stream] = OrderedDict()
        self._over: OrderedDict[UUID, None] = OrderedDict()
        self._held = 0

    async def follow(self, connection: asyncpg.pool.PoolConnectionProxy, batch: Batch) -> Calls:
        """Read the chunks of a batch, which are not stored yet; the calls of those streams that told a new one."""
        for number in batch.responses:
            self._end(number)
        runs: dict[UUID, list[Run]] = {}
        for (number, index), data in batch.chunks.items():
            if number not in self._over:
                runs.setdefault(number, []).append((index, data.pieces))
        for number, found in runs.items():
            await self._read(connection, number, found)
        streams = ((number, self._running[number]) for number in runs if number in self._running)
        return {number: calls for number, one in streams if len(calls := one.reading.calls) > one.told}

    async def known_before(self, connection: asyncpg.pool.PoolConnectionProxy, batch: Batch) -> Calls:
        """The calls of answers whose chunks came before their request; the domains of the batch must be locked."""
        running = batch.requests.keys() - batch.responses.keys()
        asked = sorted(number for number in running if number not in self._over)
        if not asked:
            return {}
        since = [one.next if (one := self._running.get(number)) else 0 for number in asked]
        for row in await connection.fetch(statements.STREAMED, asked, since):
            await self._read(connection, UUID(int=row["id"].int), [])
        return {number: calls for number in asked if (calls := self._calls(number))}

    def stored(self, calls: Calls) -> None:
        """These are committed, and need not be told again."""
        for number, found in calls.items():
            if number in self._running:
                self._running[number].told = len(found)

    async def _read(self, connection: asyncpg.pool.PoolConnectionProxy, number: UUID, runs: list[Run]) -> None:
        """Read a stream on, with these runs and with what is stored where they do not follow what was read."""
        stream = self._running.setdefault(number, _Stream())
        self._running.move_to_end(number)
        before = stream.reading.held
        if not (stream.read(runs) and runs) or stream.behind_at is not None:
            await _catch_up(connection, number, stream, runs)
        self._held += stream.reading.held - before
        if stream.reading.held > MOST_HELD or self._held > _MOST_HELD_IN_ALL:
            self._end(number)
        elif len(self._running) > MOST_RUNNING:
            self._held -= self._running.popitem(last=False)[1].reading.held

    def _calls(self, number: UUID) -> tuple[Call, ...]:
        return self._running[number].reading.calls if number in self._running else ()

    def _end(self, number: UUID) -> None:
        """Nothing more of this stream is wanted."""
        if stream := self._running.pop(number, None):
            self._held -= stream.reading.held
        self._over[number] = None
        if len(self._over) > _MOST_OVER:
            self._over.popitem(last=False)


async def stored_calls(connection: asyncpg.pool.PoolConnectionProxy, numbers: Iterable[UUID]) -> Calls:
    """The calls of running answers, read anew off what is stored of them."""
    found: dict[UUID, tuple[Call, ...]] = {}
    for number in numbers:
        stream = _Stream()
        await _read_stored(connection, number, stream)
        found[number] = stream.reading.calls
    return found


async def _catch_up(
    connection: asyncpg.pool.PoolConnectionProxy, number: UUID, stream: _Stream, runs: list[Run]
) -> None:
    """Read what is stored and these runs, as far as no piece is missing; not twice in vain at the same place."""
    whole = False
    while not whole and stream.behind_at != stream.next:
        stream.behind_at = stream.next
        stored = await _read_stored(connection, number, stream)
        whole = stream.read(runs) and stored
    stream.behind_at = None if whole else stream.next


async def _read_stored(connection: asyncpg.pool.PoolConnectionProxy, number: UUID, stream: _Stream) -> bool:
    """Read on what is stored; False where a piece is missing."""
    while rows := await connection.fetch(statements.STORED_CHUNKS, number, stream.next, _PAGE):
        began = stream.next
        if not stream.read(_runs(rows)) or stream.next == began:
            return False
        if stream.reading.held > MOST_HELD:
            break
    return True


def _runs(rows: Iterable[asyncpg.Record]) -> Iterator[Run]:
    """What rows hold; one that is damaged counts as missing."""
    for row in rows:
        try:
            yield row["first_index"], unpack_pieces(row["data"])
        except (ValueError, TypeError, msgspec.MsgspecError):
            continue
