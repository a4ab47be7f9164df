"""Shipping over one connection to the broker, until it breaks or nothing is left."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import structlog
from aiokafka.admin import AIOKafkaAdminClient

from plait.common.consumer.waits import Leave, Left, unless
from plait.common.errors import DependencyDown
from plait.common.kafka import abandon, admin_client, ensure_topics, is_embedded, new_producer, topics_ready
from plait.common.lifeline import lifeline
from plait.common.settings import KafkaSettings
from plait.gateway.settings import ShipperSettings
from plait.gateway.shipper.cargo import Cargo
from plait.gateway.shipper.docks import Docks
from plait.gateway.shipper.progress import Places
from plait.gateway.shipper.publishing import Committed, Publisher

_POLL_SECONDS: Final = 0.01
_CHECK_SECONDS: Final = 1.0
_CLOSE_SECONDS: Final = 5
_log = structlog.get_logger(__name__)


class Voyage:
    """Ships every spool that there is, each from its resume point on."""

    def __init__(
        self, settings: KafkaSettings, admin: AIOKafkaAdminClient, publisher: Publisher, docks: Docks, ended: Leave
    ) -> None:
        """`ended` is set when the broker that it began with is gone."""
        self._admin = admin
        self._ended = ended
        self._publisher = publisher
        self._docks = docks
        self._embedded = is_embedded(settings)
        self._checked = 0.0
        self.cargos: dict[Path, Cargo] = {}
        self._load()

    async def sail(self, stop: asyncio.Event) -> None:
        """Ship until `stop` is set.

        Raises:
            DependencyDown, KafkaError: the broker went away or forgot; begin again from the resume point.
        """
        await self._as_long_as_it_lives(self._sail(stop))

    async def _sail(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            await self._go_on()

    async def unload(self, seconds: float | None) -> None:
        """Ship the rest: until nobody writes any more and all that was written is read, `seconds` at most (None: all).

        Raises:
            DependencyDown, KafkaError: the broker went away or forgot.
        """
        await self._as_long_as_it_lives(self._unload(seconds))

    async def _unload(self, seconds: float | None) -> None:
        try:
            async with asyncio.timeout(seconds):
                while await self._go_on() or not all(cargo.is_done for cargo in self.cargos.values()):
                    pass
        except TimeoutError:
            for cargo in self.cargos.values():
                _log.warning("ended before the spool's writer", spool=str(cargo.directory), left_bytes=cargo.behind)
        async with asyncio.timeout(_CLOSE_SECONDS):
            await self._publisher.flush()
            await self._check()

    async def _as_long_as_it_lives(self, work: Coroutine[None, None, None]) -> None:
        """A broker that forgets must not get in its next life what was on its way to the one before."""
        try:
            await unless(self._ended, work)
        except Left:
            raise DependencyDown("the broker has ended") from None

    async def _go_on(self) -> bool:
        moved = False
        for cargo in list(self.cargos.values()):
            moved = await cargo.ship_some() or moved
        self._publisher.check()
        if time.monotonic() - self._checked >= _CHECK_SECONDS:
            await self._check()
        if not moved and not self._publisher.in_flight:
            self._docks.rest(through=True)
        # Publishing alone seldom waits: the producer, which sends, and whoever shares this loop have a turn here.
        await asyncio.sleep(0 if moved else _POLL_SECONDS)
        return moved

    async def _check(self) -> None:
        """See that the broker is there and still remembers, then let go of what is safe."""
        if not await topics_ready(self._admin):
            raise DependencyDown("the broker has forgotten its topics")
        self._load()
        is_safe = (await Committed.ask(self._admin)).covers if self._embedded else _acknowledged_is_safe
        for cargo in self.cargos.values():
            cargo.let_go(is_safe)
        self._checked = time.monotonic()

    def _load(self) -> None:
        """Take on the spools that are new."""
        for directory, journal in self._docks.look().items():
            if directory not in self.cargos:
                self.cargos[directory] = Cargo(directory, self._publisher, journal)

    def close(self) -> None:
        """Let go of the spools' files."""
        for cargo in self.cargos.values():
            cargo.close()


@asynccontextmanager
async def voyage(settings: ShipperSettings, docks: Docks) -> AsyncIterator[Voyage]:
    """Everything that lives as long as one connection to the broker.

    A voyage that ends well has unloaded: there is nothing that the producer would still have to deliver.

    Raises:
        KafkaError, DependencyDown: there is none.
    """
    ended = Leave()
    async with _life(settings, ended), admin_client(settings) as admin:
        await ensure_topics(admin, settings)
        producer = new_producer(settings)
        try:
            await producer.start()
            publisher = Publisher(producer, settings.redactor(), docks.refused)
            begun = Voyage(settings, admin, publisher, docks, ended)
            try:
                yield begun
            finally:
                begun.close()
        finally:
            await abandon(producer)


@asynccontextmanager
async def _life(settings: KafkaSettings, ended: Leave) -> AsyncIterator[None]:
    """Sets `ended` when a broker that forgets is gone; one that remembers may come back."""
    if is_embedded(settings):
        async with lifeline(settings, ended.set):
            yield
    else:
        yield


def _acknowledged_is_safe(_published: Places) -> bool:
    return True
