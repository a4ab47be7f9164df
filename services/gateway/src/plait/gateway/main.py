"""Entry of the gateway's relay."""

from __future__ import annotations

import asyncio

from plait.common.masking import Masker
from plait.common.serving import serve
from plait.gateway.access.access import Access
from plait.gateway.access.directory import Directory
from plait.gateway.access.policy import Policy
from plait.gateway.access_log import AccessLog
from plait.gateway.relay.app import Relay
from plait.gateway.relay.dialing import Dialer, proxy_for
from plait.gateway.relay.health import Health
from plait.gateway.relay.metrics_port import metrics_port
from plait.gateway.relay.protocol import RelayProtocol
from plait.gateway.relay.upstream import Upstream
from plait.gateway.settings import RelaySettings
from plait.gateway.spool.writer import SpoolWriter


async def run(stop: asyncio.Event) -> None:
    """Relay until `stop` is set, with settings from the environment.

    Raises:
        UserError: the port is taken, another gateway writes this spool, or the network would be let in without a key.
    """
    await relay(RelaySettings(), stop)


async def relay(settings: RelaySettings, stop: asyncio.Event) -> None:
    """Relay until `stop` is set, finish running answers, then sync the spool."""
    spool = SpoolWriter(
        settings.spool_dir, segment_bytes=settings.spool_segment_bytes, max_bytes=settings.spool_max_bytes
    )
    log = AccessLog(on=settings.access_log)
    claude = _upstream(settings, "Claude", settings.claude_api_base_url, proxied=True)
    api = _upstream(settings, "The API", settings.api_url)
    access = Access(Directory(settings.credentials_dir), Policy.of(settings, settings.host))
    app = Relay(
        access=access,
        claude=claude,
        api=api,
        spool=spool,
        log=log,
        masker=Masker(bytes.fromhex(settings.masking_key.get_secret_value())),
        health=Health(spool, settings.spool_dir),
        max_request_bytes=settings.max_request_bytes,
    )
    try:
        async with metrics_port(settings), access.watching():
            await serve(app, host=settings.host, port=settings.port, stop=stop, protocol=RelayProtocol)
    finally:
        claude.close()
        api.close()
        spool.close()
        await log.close()


def _upstream(settings: RelaySettings, name: str, base_url: str, *, proxied: bool = False) -> Upstream:
    return Upstream(
        name,
        Dialer(base_url, proxy_for(base_url) if proxied else None),
        connect=settings.claude_connect_timeout,
        first_byte=settings.claude_api_timeout,
        idle=settings.claude_idle_timeout,
    )
