"""Events of stored exchanges on their way to the broker: the shipper's publisher, without a spool before it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Final

from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from plait.common.errors import DependencyDown, UserError
from plait.common.events import ExchangeEvent
from plait.common.kafka import admin_client, ensure_topics, is_embedded, new_producer, topics_ready
from plait.common.settings import KafkaSettings
from plait.gateway.shipper.progress import Hold
from plait.gateway.shipper.publishing import Committed, Publisher
from plait.gateway.spool.segments import Position

_POLL_S: Final = 0.1
_PATIENCE_S: Final = 60.0
"""How long the consumers may store nothing before waiting for them is given up."""


class Outgoing:
    """Exchanges that are being published."""

    def __init__(self, settings: KafkaSettings, admin: AIOKafkaAdminClient, producer: AIOKafkaProducer) -> None:
        self._settings = settings
        self._admin = admin
        self._publisher = Publisher(producer)
        self._hold = Hold(Position(0, 0))
        """Of everything that is sent: there is no spool to let go of, all is one cargo."""

    async def send(self, events: Iterable[ExchangeEvent]) -> None:
        """Hand the events of one exchange to the broker; returns before it has them.

        Raises:
            DependencyDown: the broker did not take an earlier one.
        """
        for event in events:
            await self._publisher.publish(self._hold, event)

    async def settle(self) -> None:
        """Return when the broker has everything for good.

        The embedded broker has nothing for good: there it is the database that must have it.

        Raises:
            DependencyDown: it lost something; begin anew.
            UserError: the consumers do not store it.
        """
        await self._publisher.flush()
        if is_embedded(self._settings):
            await self._until_stored()

    async def _until_stored(self) -> None:
        before, since = None, time.monotonic()
        while True:
            if not await topics_ready(self._admin):
                raise DependencyDown("The broker was started anew meanwhile and has forgotten: do it again.")
            committed = await Committed.ask(self._admin)
            if committed.covers(self._hold.published):
                return
            if committed != before:
                before, since = committed, time.monotonic()
            if time.monotonic() - since > _PATIENCE_S:
                raise UserError("All is sent, but the consumers store nothing: see `plait lag` and `plait doctor`.")
            await asyncio.sleep(_POLL_S)


@asynccontextmanager
async def outgoing(settings: KafkaSettings) -> AsyncIterator[Outgoing]:
    """A connection to the broker; within the block exchanges can be sent.

    Raises:
        DependencyDown: the broker is not there, or went away.
        UserError: see `Outgoing.settle`.
    """
    try:
        async with admin_client(settings) as admin:
            await _ready(admin, settings)
            producer = new_producer(settings)
            try:
                await producer.start()
                sending = Outgoing(settings, admin, producer)
                yield sending
                await sending.settle()
            finally:
                await producer.stop()
    except (KafkaError, OSError) as error:
        where = settings.kafka_bootstrap_servers
        raise DependencyDown(f"Kafka at {where} cannot be reached, or went away ({type(error).__name__}).") from error


async def _ready(admin: AIOKafkaAdminClient, settings: KafkaSettings) -> None:
    """The topics are there. On the embedded broker nobody but the shipper may make them (see `plait.cli.topics`)."""
    if not is_embedded(settings):
        await ensure_topics(admin, settings)
    until = time.monotonic() + _PATIENCE_S
    while not await topics_ready(admin):
        if time.monotonic() > until:
            raise DependencyDown("The broker has no topics yet: the shipper makes them, see its log.")
        await asyncio.sleep(_POLL_S)
