"""Work on a queue in Postgres beside a consumer: woken after its commits, looked at by itself where nobody wakes it."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from contextlib import suppress
from typing import Final

import structlog

from plait.common.errors import DependencyDown

_LOOK_S: Final = 0.5
"""How often the queue is looked at unasked: other processes fill it too, and one that died left something there."""
_AGAIN_S: Final = 1.0

_log = structlog.get_logger()


class QueueWorker(ABC):
    """Empties a queue again and again, for as long as it runs."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._filled = asyncio.Event()

    def wake(self) -> None:
        """Something was queued, and is committed."""
        self._filled.set()

    @abstractmethod
    async def work(self) -> int:
        """Work on a batch; how many entries it was, 0 when nothing is left, or another process is at it.

        Raises:
            DependencyDown: the database went away; the batch is in the queue as before.
        """

    async def run(self) -> None:
        """Work whenever there is something, until cancelled; while the database is away, wait for it."""
        while True:
            self._filled.clear()
            try:
                while await self.work():
                    pass
            except DependencyDown as error:
                _log.warning("a queue waits", queue=self._name, error=type(error).__name__)
                await asyncio.sleep(_AGAIN_S)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._filled.wait(), _LOOK_S)
