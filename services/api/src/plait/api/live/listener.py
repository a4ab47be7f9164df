"""Somebody who listens: what waits to be sent to them is bounded, whoever reads too slowly is let go."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from typing import Final, Literal

from plait.api.live.news import Interest, frame
from plait.common.access.grants import Grant

Reason = Literal["slow", "shutdown", "revoked", "gone"]
"""slow: what waited was too much; shutdown: the API stops; revoked: the key opens this no more; gone: the listener has
left."""

_WORDS: Final[dict[Reason, str]] = {
    "slow": "Events came faster than they were read. Connect again with the id of the last one.",
    "shutdown": "The API stops. Connect again with the id of the last event.",
    "revoked": "The key opens this no more.",
    "gone": "",
}


class Listener:
    """A queue of frames with a bound in bytes."""

    def __init__(self, grant: Grant, interest: Interest, most_bytes: int) -> None:
        self.grant = grant
        self.interest = interest
        self._most = most_bytes
        self._waiting: deque[bytes] = deque()
        self._size = 0
        self._wake = asyncio.Event()
        self._over: Reason | None = None

    @property
    def is_over(self) -> bool:
        """Whether nothing will be sent any more but why."""
        return self._over is not None

    def offer(self, frames: bytes) -> None:
        """Queue what is to be sent; when that is too much, all of it is dropped and the listener let go."""
        if self._over:
            return
        self._waiting.append(frames)
        self._size += len(frames)
        self._wake.set()
        if self._size > self._most:
            self.close("slow")

    def close(self, reason: Reason) -> None:
        """Let go. Who is slow, or may not hear it, gets nothing of what waits."""
        if self._over:
            return
        self._over = reason
        if reason != "shutdown":
            self._waiting.clear()
        self._wake.set()

    async def frames(self, heartbeat_s: float) -> AsyncIterator[bytes]:
        """What is to be sent, as much at a time as waits; empty bytes when nothing did for `heartbeat_s`."""
        while not (self._over and not self._waiting):
            if not self._wake.is_set():
                try:
                    async with asyncio.timeout(heartbeat_s):
                        await self._wake.wait()
                except TimeoutError:
                    yield b""
                    continue
            self._wake.clear()
            if self._waiting:
                together = b"".join(self._waiting)
                self._waiting.clear()
                self._size = 0
                yield together
        if self._over and self._over != "gone":
            yield farewell(self._over)


def farewell(reason: Reason) -> bytes:
    """The last event of a stream that is ended by us."""
    return frame("closed", {"reason": reason, "message": _WORDS[reason]})
