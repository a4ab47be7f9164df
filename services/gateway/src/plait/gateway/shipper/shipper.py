"""The loop from spool to broker. A lost broker costs time, never a record: all since the resume point is sent again."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import Final

import structlog
from aiokafka.errors import KafkaError

from plait.common.consumer.status import Status as Readiness
from plait.common.errors import DependencyDown
from plait.gateway.settings import ShipperSettings
from plait.gateway.shipper.docks import Docks
from plait.gateway.shipper.metrics import BROKER_UP
from plait.gateway.shipper.syncing import Syncing
from plait.gateway.shipper.voyage import voyage
from plait.gateway.spool.segments import bytes_between, spools_under
from plait.gateway.spool.shipping import Status, read_resume, read_status, write_status

_PAUSES: Final = (0.2, 0.5, 1.0, 2.0)
_END_SECONDS: Final = 6
_log = structlog.get_logger(__name__)


class Shipper:
    """Ships the spools of one folder for as long as it runs."""

    def __init__(self, settings: ShipperSettings, patience: float = 0) -> None:
        """Become the one shipper of the folder; another that is just ending is waited for, `patience` seconds at most.

        Raises:
            UserError: another process ships this folder.
        """
        self._settings = settings
        self._docks = Docks(settings.spool_dir, patience)
        self._readiness = Readiness("plait.shipper")
        self._failures = 0

    async def run(self, stop: asyncio.Event) -> None:
        """Ship until `stop` is set; then the rest, for at most `shipper_drain_seconds`."""
        shipping = asyncio.create_task(self._ship(stop))
        tasks = {shipping}
        if self._settings.spool_sync == "interval":
            tasks.add(asyncio.create_task(Syncing(self._settings.spool_dir).run()))
        stopped = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait({shipping, stopped}, return_when=asyncio.FIRST_COMPLETED)
            await asyncio.wait({shipping}, timeout=self._settings.shipper_drain_seconds + _END_SECONDS)
            if shipping.done():
                await shipping
        finally:
            for task in (*tasks, stopped):
                task.cancel()
            await asyncio.gather(*tasks, stopped, return_exceptions=True)
            self._docks.close()
            self._readiness.become("stopped")

    async def _ship(self, stop: asyncio.Event) -> None:
        while True:
            try:
                async with voyage(self._settings, self._docks) as sailing:
                    self._say(up=True)
                    await sailing.sail(stop)
                    await sailing.unload(self._settings.shipper_drain_seconds)
                return
            except (KafkaError, DependencyDown, OSError) as error:
                self._docks.rest(through=False)
                self._say(up=False, why=type(error).__name__)
                if stop.is_set():
                    self._say_what_is_left()
                    return
                await self._pause(stop)

    async def _pause(self, stop: asyncio.Event) -> None:
        pause = _PAUSES[min(self._failures, len(_PAUSES) - 1)]
        self._failures += 1
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), pause)

    def _say(self, *, up: bool, why: str = "") -> None:
        BROKER_UP.set(up)
        if up:
            self._failures = 0
            self._readiness.become("running")
            return
        waiting = 0
        for spool in spools_under(self._settings.spool_dir):
            behind, before = bytes_between(spool, read_resume(spool)), read_status(spool)
            since = before.since or before.at if before is not None else time.time()
            write_status(spool, Status(time.time(), broker_up=False, behind=behind, since=since))
            waiting += behind
        self._readiness.become("paused", why)
        self._readiness.reason = f"the broker is away ({why}): {waiting} bytes wait in the spool"

    def _say_what_is_left(self) -> None:
        for spool in spools_under(self._settings.spool_dir):
            if left := bytes_between(spool, read_resume(spool)):
                _log.warning("not all is shipped: `plait spool ship` does the rest", spool=str(spool), bytes=left)
