"""Entry of the gateway's shipper."""

from __future__ import annotations

import asyncio
from typing import Final

from plait.common.health import health_port
from plait.gateway.settings import ShipperSettings
from plait.gateway.shipper.shipper import Shipper

_PATIENCE_SECONDS: Final = 10


async def run(stop: asyncio.Event) -> None:
    """Ship the spools until `stop` is set.

    Raises:
        UserError: another shipper has this folder.
    """
    settings = ShipperSettings()
    shipper = await asyncio.to_thread(Shipper, settings, _PATIENCE_SECONDS)  # this loop may run other parts
    async with health_port(settings):
        await shipper.run(stop)
