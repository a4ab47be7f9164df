"""Those who listen: an open page each. What waits for one is bounded; whoever reads too slowly is let go."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Final, Literal

import msgspec

from plait.dashboard.front.live.events import Event, Interest, framed

Reason = Literal["slow", "gone", "shutdown"]
"""slow: too much waited; gone: the page was left; shutdown: we stop."""

HEARTBEAT_S: Final = 15.0
"""A connection that carries nothing for longer may be taken for dead by what stands between."""
_MOST_BYTES: Final = 256 * 1024
_TOGETHER_S: Final = 0.1
"""What comes within this time is sent at once: pages are woken less often."""
RETRY: Final = b"retry: 2000\n\n"


class Listener:
    """One open page."""

    def __init__(self, interest: Interest) -> None:
        self.interest = interest
        self._waiting: list[bytes] = []
        self._size = 0
        self._wake = asyncio.Event()
        self._over: Reason | None = None

    def offer(self, event: Event) -> None:
        """Queue an event if the page is to be told of it."""
        if self._over or not self.interest.covers(event):
            return
        self._waiting.append(event.frame)
        self._size += len(event.frame)
        self._wake.set()
        if self._size > _MOST_BYTES:
            self.close("slow")

    def close(self, reason: Reason) -> None:
        """Let go: nothing more is sent but why."""
        self._over = self._over or reason
        self._waiting.clear()
        self._wake.set()

    async def frames(self) -> AsyncGenerator[bytes, None]:
        """All that is sent, until it is over."""
        yield RETRY
        while not self._over:
            try:
                async with asyncio.timeout(HEARTBEAT_S):
                    await self._wake.wait()
            except TimeoutError:
                yield b": nothing new\n\n"
                continue
            await asyncio.sleep(_TOGETHER_S)
            self._wake.clear()
            together, self._size = b"".join(self._waiting), 0
            self._waiting.clear()
            yield together
        if self._over != "gone":
            yield framed("closed", msgspec.json.encode({"reason": self._over}))
