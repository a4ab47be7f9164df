"""The live view as routes use it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterable
from typing import Final

from plait.api.live.feed import Feed
from plait.api.live.hub import Hub
from plait.api.live.listener import Listener, Reason
from plait.api.live.news import Interest, frame
from plait.api.live.places import Position, first_of
from plait.api.live.replay import Lost, Replay
from plait.api.live.tails import Tail, Tails
from plait.common.access.doors import Doors
from plait.common.access.grants import Grant
from plait.common.settings import KafkaSettings

HEARTBEAT_S: Final = 10.0
"""A connection that carries nothing for longer may be taken for dead by what stands between."""
_RETRY: Final = b"retry: 1000\n\n"
_LOOK_S: Final = 0.5
_TIMES: Final = 3
"""How often a listener who reads slowly may fall behind what the hub remembers, while they are read to."""
_MOST_BYTES: Final = 4 * 1024 * 1024
"""What may wait for a listener; those who want the same share it."""


class Live:
    """Everything that happens now, for all who listen."""

    def __init__(self, settings: KafkaSettings, doors: Doors, *, most_listeners: int = 1000) -> None:
        self.hub = Hub()
        self.tails = Tails()
        self.feed = Feed(settings, self.hub, self.tails)
        self._replay = Replay(settings)
        self._doors = doors
        self._most = most_listeners
        self._listeners: set[Listener] = set()

    async def run(self, stop: asyncio.Event) -> None:
        """Follow the topics until `stop` is set; then everybody is let go."""
        looking = asyncio.create_task(self._look_at_keys())
        feeding = asyncio.create_task(self.feed.run(stop))
        try:
            await stop.wait()
        finally:
            looking.cancel()
            self.hub.flush()
            self._close("shutdown", (*self._listeners, *self.tails))
            feeding.cancel()
            await asyncio.gather(looking, feeding, return_exceptions=True)

    @property
    def is_full(self) -> bool:
        """Whether nobody else may listen, or watch an answer."""
        return len(self._listeners) + len(self.tails) >= self._most

    def listener(self, grant: Grant, interest: Interest) -> Listener:
        """Somebody new, who counts until `events` ends."""
        listener = Listener(grant, interest, _MOST_BYTES)
        self._listeners.add(listener)
        return listener

    async def events(self, listener: Listener, last_id: str | None) -> AsyncGenerator[bytes, None]:
        """Everything that a listener is sent, from what came after the event of `last_id`, else from now on."""
        try:
            yield _RETRY
            async for frames in self._caught_up(listener, last_id):
                yield frames
            async for frames in listener.frames(HEARTBEAT_S):
                yield frames or self._heartbeat()
        finally:
            self.hub.leave(listener)
            self._listeners.discard(listener)

    async def _caught_up(self, listener: Listener, last_id: str | None) -> AsyncIterator[bytes]:
        """What was missed; from then on the listener is the hub's."""
        while not self.hub.begun.is_set() and not listener.is_over:
            try:
                async with asyncio.timeout(_LOOK_S):
                    await self.hub.begun.wait()
            except TimeoutError:
                yield b": the broker is waited for\n\n"
        since = first_of(last_id)
        try:
            if last_id and since is None:
                raise Lost("The id is none of ours.")
            async for frames, reached in self._missed(listener, since):
                since = reached
                if frames:
                    yield frames
            yield self._joined(listener, since, "ready", {"resumed": since is not None})
        except Lost as lost:
            yield self._joined(listener, None, "reset", {"message": str(lost)})

    def _joined(self, listener: Listener, since: Position | None, name: str, data: object) -> bytes:
        """From now on the listener is the hub's: a greeting, whose id is where that begins, and what was missed."""
        missed = self.hub.join(listener, since)
        begins = since or self.hub.handed_out
        return frame(name, data, str(begins) if begins else None) + missed

    async def _missed(self, listener: Listener, since: Position | None) -> AsyncIterator[tuple[bytes, Position]]:
        """What the hub remembers no more, until what is left to tell is remembered.

        Raises:
            Lost: that cannot be.
        """
        for _ in range(_TIMES):
            now = self.hub.position
            if since is None or now is None or self.hub.has(since):
                return
            async for frames, reached in self._replay.since(since, listener.interest, now):
                if listener.is_over:
                    return
                since = reached
                yield frames, reached
        raise Lost("Events come faster than they are read.")

    def _heartbeat(self) -> bytes:
        """Also moves the id on, for who waits for something rare: an id alone is no event."""
        position = self.hub.handed_out
        return b": nothing new\nid: %b\n\n" % str(position).encode() if position else b": nothing new\n\n"

    async def _look_at_keys(self) -> None:
        """Who listens or watches with a key that has ended, or opens something else now, is let go."""
        while True:
            await asyncio.sleep(_LOOK_S)
            here: tuple[Listener | Tail, ...] = (*self._listeners, *self.tails)
            self._close("revoked", [one for one in here if not self._doors.holds(one.grant)])

    @staticmethod
    def _close(reason: Reason, listeners: Iterable[Listener | Tail]) -> None:
        for listener in listeners:
            listener.close(reason)
