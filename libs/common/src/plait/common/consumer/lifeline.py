"""Tells when a broker that forgets has gone.

The embedded broker takes any commit, also one of a member and an offset that it has never heard of (measured). Offsets
of one broker life must therefore never reach the next one: records there would be skipped. An open connection proves
that the process at its other end is still the same; it breaks with the process, before anything can connect anew.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from plait.common.errors import DependencyDown
from plait.common.settings import KafkaSettings


@asynccontextmanager
async def lifeline(settings: KafkaSettings, on_lost: Callable[[], None]) -> AsyncIterator[None]:
    """Hold a connection to the broker for the length of the block; `on_lost` is called when it breaks.

    Raises:
        DependencyDown: nobody answers.
    """
    host, _, port = settings.kafka_bootstrap_servers.split(",")[0].rpartition(":")
    loop = asyncio.get_running_loop()
    try:
        transport, _ = await loop.create_connection(lambda: _Line(on_lost), host, int(port))
    except OSError as error:
        raise DependencyDown(f"Kafka does not answer: {error}") from error
    try:
        yield
    finally:
        transport.abort()


class _Line(asyncio.Protocol):
    """Says nothing; a broker says nothing unasked either."""

    def __init__(self, on_lost: Callable[[], None]) -> None:
        self._on_lost = on_lost

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's interface
        self._on_lost()
