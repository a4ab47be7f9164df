"""Entry of the gateway's relay."""

from __future__ import annotations

import asyncio

from plait.common.serving import serve
from plait.gateway.access import policy
from plait.gateway.parts import Parts
from plait.gateway.process import fit_process
from plait.gateway.relay.metrics_port import metrics_port
from plait.gateway.relay.protocol import protocol_with
from plait.gateway.settings import RelaySettings
from plait.gateway.workers import run_workers


async def run(stop: asyncio.Event) -> None:
    """Relay until `stop` is set, with settings from the environment.

    Raises:
        UserError: the port is taken, another gateway writes this spool, or the network would be let in without a key.
    """
    settings = RelaySettings()
    fit_process()
    if settings.gateway_workers > 1:
        policy.checked(settings, settings.host)
        await run_workers(settings, stop)
    else:
        await relay(settings, stop)


async def relay(settings: RelaySettings, stop: asyncio.Event, *, shares_port: bool = False) -> None:
    """Relay until `stop` is set, finish running answers, then sync the spool."""
    parts = Parts(settings)
    try:
        async with metrics_port(settings, parts.health), parts.access.watching():
            await serve(
                parts.app,
                host=settings.host,
                port=settings.port,
                stop=stop,
                protocol=protocol_with(parts.lane, parts.log),
                shares_port=shares_port,
            )
    finally:
        await parts.close()
