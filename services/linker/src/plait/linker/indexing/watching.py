"""A processor that is watched, so that others can keep out of its way."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Final

from plait.common.consumer import Processor, Record, Rejected

_GAP_S: Final = 0.02
"""A processor that has got nothing for so long has caught up."""


class Watched:
    """Does what its processor does, and knows whether it has caught up."""

    def __init__(self, processor: Processor) -> None:
        self._processor = processor
        self._working = 0
        self._ended = time.monotonic()

    async def process(self, records: Sequence[Record]) -> Sequence[Rejected]:
        """See `plait.common.consumer.Processor`."""
        self._working += 1
        try:
            return await self._processor.process(records)
        finally:
            self._working, self._ended = self._working - 1, time.monotonic()

    async def rests(self, patience_s: float) -> bool:
        """Wait until it has caught up; False when it has not in so many seconds."""
        until = time.monotonic() + patience_s
        while self._working or time.monotonic() - self._ended < _GAP_S:
            if time.monotonic() >= until:
                return False
            await asyncio.sleep(_GAP_S)
        return True
