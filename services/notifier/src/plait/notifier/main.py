"""The notifier as a part: `plait run notifier`."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from plait.common.consumer import Record, Rejected, consume
from plait.common.health import health_port
from plait.common.topics import READS
from plait.notifier.settings import Settings


class Reader:
    """Reads events and does nothing with them yet: it holds the notifier's place until notices are made."""

    async def process(self, batch: Sequence[Record]) -> Sequence[Rejected]:  # noqa: ARG002 - see the class
        """Every record that could be read is done with."""
        return ()


async def run(stop: asyncio.Event) -> None:
    """Follow the events until `stop` is set."""
    settings = Settings()
    async with health_port(settings):
        await consume(Reader(), group="plait.notifier", topics=READS["plait.notifier"], settings=settings, stop=stop)
