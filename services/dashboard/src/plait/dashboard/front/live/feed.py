"""One subscription to the read API's events for all pages of this process, for as long as any page listens."""

from __future__ import annotations

import asyncio
from typing import Final

import httpx2
import structlog

from plait.common.errors import DependencyDown
from plait.dashboard.front.live.events import Cutter, Event, Interest
from plait.dashboard.front.live.listeners import Listener
from plait.dashboard.metrics import LISTENERS

_log = structlog.get_logger()

_FIRST_PAUSE_S: Final = 0.5
_LONGEST_PAUSE_S: Final = 5.0
_MOST: Final = 1000
_FOR_ALL: Final = "reset"
"""Events may be missing: told to everybody. What else concerns the stream itself is not passed on."""


class Feed:
    """Fans the API's events out to those who listen."""

    def __init__(self, api: httpx2.AsyncClient, *, linger_s: float = 10.0) -> None:
        """`linger_s`: pages are left for others, so the subscription is kept that long without a listener."""
        self._api = api
        self._linger_s = linger_s
        self._listeners: set[Listener] = set()
        self._wanted = asyncio.Event()
        self._deserted = asyncio.Event()
        self._cutter = Cutter()

    @property
    def is_full(self) -> bool:
        """Whether nobody else may listen."""
        return len(self._listeners) >= _MOST

    def join(self, interest: Interest) -> Listener:
        """A new listener, who hears from now on, until `leave`."""
        listener = Listener(interest)
        self._listeners.add(listener)
        LISTENERS.set(len(self._listeners))
        self._wanted.set()
        self._deserted.clear()
        return listener

    def leave(self, listener: Listener) -> None:
        """They listen no more."""
        listener.close("gone")
        self._listeners.discard(listener)
        LISTENERS.set(len(self._listeners))
        if not self._listeners:
            self._deserted.set()

    async def run(self, stop: asyncio.Event) -> None:
        """Follow the API until `stop` is set; then everybody is let go."""
        following = asyncio.create_task(self._keep_following())
        try:
            await stop.wait()
        finally:
            for listener in self._listeners:
                listener.close("shutdown")
            following.cancel()
            await asyncio.wait({following})

    async def _keep_following(self) -> None:
        pause = _FIRST_PAUSE_S
        while True:
            await self._wanted.wait()
            try:
                await self._follow()
                pause = _FIRST_PAUSE_S
            except (httpx2.HTTPError, DependencyDown, ValueError) as error:
                _log.warning("the read API tells no events", reason=f"{type(error).__name__}: {error}")
                pause = min(2 * pause, _LONGEST_PAUSE_S)
            await asyncio.sleep(pause)

    async def _follow(self) -> None:
        """One connection, to its end or until nobody has listened for a while. It goes on where the last one broke."""
        self._cutter = Cutter(self._cutter.last_id)
        known = {"last-event-id": self._cutter.last_id} if self._cutter.last_id else {}
        async with self._api.stream("GET", "/api/live", headers=known) as answer:
            if answer.status_code != httpx2.codes.OK:
                raise DependencyDown(f"it answers {answer.status_code}")
            reading = asyncio.create_task(self._read(answer))
            leaving = asyncio.create_task(self._until_nobody_listens())
            try:
                await asyncio.wait({leaving, reading}, return_when=asyncio.FIRST_COMPLETED)
                if reading.done():
                    reading.result()
            finally:
                leaving.cancel()
                reading.cancel()
                await asyncio.wait({leaving, reading})

    async def _read(self, answer: httpx2.Response) -> None:
        async for piece in answer.aiter_raw():
            for event in self._cutter.take(piece):
                if event.about.domain is not None or event.name == _FOR_ALL:
                    self._tell(event)

    async def _until_nobody_listens(self) -> None:
        while self._listeners:
            await self._deserted.wait()
            await asyncio.sleep(self._linger_s)
        self._wanted.clear()
        self._cutter = Cutter()

    def _tell(self, event: Event) -> None:
        for listener in self._listeners:
            listener.offer(event)
