"""The batches in hand: as many at a time as the processor takes, each finished after those before it."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from typing import TypeAlias

Before: TypeAlias = "asyncio.Task[None] | None"
"""The batch before one, None where there is none in hand."""


class InHand:
    """Up to `most` batches that are worked on side by side, in the order in which they were taken."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._tasks: deque[asyncio.Task[None]] = deque()

    async def take(self, work: Callable[[Before], Coroutine[None, None, None]]) -> None:
        """Begin with a batch, telling `work` which one is before it; returns when there is room for another one.

        Raises:
            Exception: what working on a batch raised.
        """
        self._tasks.append(asyncio.create_task(work(self._tasks[-1] if self._tasks else None)))
        await self._until_fewer_than(self._most)

    def look(self) -> None:
        """Let go of the batches that are finished.

        Raises:
            Exception: what working on one of them raised.
        """
        while self._tasks and self._tasks[0].done():
            self._tasks.popleft().result()

    async def finish(self) -> None:
        """Wait for all of them.

        Raises:
            Exception: what working on one of them raised.
        """
        await self._until_fewer_than(1)

    async def drop(self) -> None:
        """Give up those that are left, and wait until they are."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _until_fewer_than(self, most: int) -> None:
        while len(self._tasks) >= most:
            await asyncio.wait({self._tasks[0]})
            self.look()


async def is_through(before: Before) -> bool:
    """Whether the batch before, if there is one, was stored or is somebody else's: else nobody may commit past it."""
    if before is None:
        return True
    await asyncio.wait({before})
    return not before.cancelled() and before.exception() is None
