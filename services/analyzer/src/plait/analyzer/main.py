"""The analyzer as a part: `plait run analyzer`."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from plait.analyzer.settings import Settings
from plait.common.consumer import Record, Rejected, consume
from plait.common.health import health_port
from plait.common.topics import READS


class Reader:
    """Reads events and does nothing with them yet: it holds the analyzer's place until analyses are made."""

    async def process(self, batch: Sequence[Record]) -> Sequence[Rejected]:  # noqa: ARG002 - see the class
        """Every record that could be read is done with."""
        return ()


async def run(stop: asyncio.Event) -> None:
    """Follow the events until `stop` is set."""
    settings = Settings()
    async with health_port(settings):
        await consume(Reader(), group="plait.analyzer", topics=READS["plait.analyzer"], settings=settings, stop=stop)
