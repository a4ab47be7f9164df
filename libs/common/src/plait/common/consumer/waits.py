"""Waiting that a stop cuts short."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, Final, TypeVar

T = TypeVar("T")

_FIRST: Final = 0.1


class Left(Exception):
    """It is time to leave; what was waited for is given up."""


class Leave(asyncio.Event):
    """Set when it is time to leave; then `grace` says how many seconds there are to finish what is in hand."""

    grace = 0.0


async def unless(leave: Leave, work: Coroutine[None, None, T]) -> T:
    """The result of `work`; once `leave` is set it has its grace left, then it is cancelled.

    Raises:
        Left: `work` was cancelled.
    """
    task = asyncio.ensure_future(work)
    leaving = asyncio.ensure_future(leave.wait())
    try:
        await asyncio.wait({task, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done() and leave.grace:
            await asyncio.wait({task}, timeout=leave.grace)
        if task.done():
            return task.result()
        raise Left
    finally:
        await _cancel(task, leaving)


async def _cancel(*tasks: asyncio.Future[Any]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def nap(leave: asyncio.Event, seconds: float) -> None:
    """Sleep, but wake as soon as `leave` is set."""
    await asyncio.wait({waiter := asyncio.ensure_future(leave.wait())}, timeout=seconds)
    waiter.cancel()


class Pauses:
    """Waits between attempts that double from 0.1 s to `longest` seconds."""

    def __init__(self, longest: float = 5.0) -> None:
        self._longest = longest
        self._next = _FIRST

    async def wait(self, leave: asyncio.Event) -> None:
        """The next pause, cut short by `leave`."""
        await nap(leave, self._next)
        self._next = min(self._next * 2, self._longest)
