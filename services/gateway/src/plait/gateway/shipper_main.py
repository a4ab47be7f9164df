"""Entry of the gateway's shipper."""

from __future__ import annotations

import asyncio
import contextlib
import os
from typing import Final

from plait.common.errors import UserError
from plait.common.health import health_port
from plait.gateway.settings import ShipperSettings
from plait.gateway.shipper.shipper import Shipper
from plait.gateway.spool.segments import lock

_LOCK_SECONDS: Final = 10


async def run(stop: asyncio.Event) -> None:
    """Ship the spool until `stop` is set.

    Raises:
        UserError: another shipper has this spool.
    """
    settings = ShipperSettings()
    settings.spool_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    held = await _lock(settings, stop)
    try:
        async with health_port(settings):
            await Shipper(settings).run(stop)
    finally:
        os.close(held)


async def _lock(settings: ShipperSettings, stop: asyncio.Event) -> int:
    """A predecessor that is just ending may hold the spool for some seconds more."""
    for _ in range(_LOCK_SECONDS):
        try:
            return lock(settings.spool_dir, "shipper")
        except UserError:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), 1)
    return lock(settings.spool_dir, "shipper")
