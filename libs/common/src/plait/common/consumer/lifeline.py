"""Tells when a broker that forgets has gone.

The embedded broker takes any commit, also one of a member and an offset that it has never heard of (measured). Offsets
of one broker life must therefore never reach the next one: records there would be skipped. An open connection proves
that the process at its other end is still the same; it breaks with the process, before anything can connect anew.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from plait.common.errors import DependencyDown
from plait.common.settings import KafkaSettings


@asynccontextmanager
async def lifeline(settings: KafkaSettings, lost: asyncio.Event) -> AsyncIterator[None]:
    """Hold a connection to the broker for the length of the block; `lost` is set when it breaks.

    Raises:
        DependencyDown: nobody answers.
    """
    host, _, port = settings.kafka_bootstrap_servers.split(",")[0].rpartition(":")
    try:
        reader, writer = await asyncio.open_connection(host, int(port))
    except OSError as error:
        raise DependencyDown(f"Kafka does not answer: {error}") from error
    watch = asyncio.create_task(_watch(reader, lost))
    try:
        yield
    finally:
        watch.cancel()
        writer.close()
        await asyncio.gather(watch, return_exceptions=True)


async def _watch(reader: asyncio.StreamReader, lost: asyncio.Event) -> None:
    try:
        await reader.read(1)  # the broker says nothing unasked: this returns when it is gone
    except OSError:
        pass
    finally:
        lost.set()
