"""Entry of the gateway's relay."""

from __future__ import annotations

import asyncio
from typing import Final

from plait.common.masking import Masker
from plait.common.serving import serve
from plait.gateway.access import policy
from plait.gateway.access.access import Access
from plait.gateway.access.directory import Directory
from plait.gateway.access_log import AccessLog
from plait.gateway.oauth.grants import TokenServer
from plait.gateway.oauth.refresher import Refresher
from plait.gateway.process import fit_process
from plait.gateway.relay.app import Relay
from plait.gateway.relay.cors import Cors
from plait.gateway.relay.dialing import Dialer, proxy_for
from plait.gateway.relay.health import Health
from plait.gateway.relay.lane.lane import Lane
from plait.gateway.relay.lane.pool import Pool
from plait.gateway.relay.metrics_port import metrics_port
from plait.gateway.relay.protocol import protocol_with
from plait.gateway.relay.upstream import Times, Upstream
from plait.gateway.settings import RelaySettings
from plait.gateway.spool.redacting import RedactingSpool
from plait.gateway.spool.writer import SpoolWriter
from plait.gateway.workers import run_workers

_SETTLE_SECONDS: Final = 5
"""How long an ending gateway works at what is still to be redacted."""


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
    refresher = Refresher(TokenServer(settings))
    access = Access(Directory(settings.credentials_dir), policy.Policy.of(settings, settings.host), refresher)
    writer = _writer(settings)
    redactor = settings.redactor()
    redacting = RedactingSpool(writer, redactor) if redactor else None
    log = AccessLog(on=settings.access_log)
    times = Times(settings.claude_connect_timeout, settings.claude_api_timeout, settings.claude_idle_timeout)
    dialer = Dialer(settings.claude_api_base_url, proxy_for(settings.claude_api_base_url))
    claude = _claude(settings, dialer, times)
    api = Upstream("The API", Dialer(settings.api_url), times)
    masker = Masker(bytes.fromhex(settings.masking_key.get_secret_value()))
    lane = None
    if _lane_serves(settings, dialer):
        lane = Lane(
            pool=Pool("Claude", dialer, times),
            dialer=dialer,
            access=access,
            spool=writer,
            masker=masker,
            log=log,
            max_request_bytes=settings.max_request_bytes,
            times=times,
        )
    health = Health(writer, settings.spool_dir, access)
    app = Relay(
        access=access,
        claude=claude,
        api=api,
        spool=redacting or writer,
        log=log,
        masker=masker,
        health=health,
        max_request_bytes=settings.max_request_bytes,
        cors=Cors(settings.cors_origins.split(",")),
    )
    try:
        async with metrics_port(settings, health), access.watching():
            await serve(
                app,
                host=settings.host,
                port=settings.port,
                stop=stop,
                protocol=protocol_with(lane, log),
                shares_port=shares_port,
            )
    finally:
        if lane is not None:
            lane.close()
        await refresher.close()
        claude.close()
        api.close()
        if redacting is not None:
            await redacting.settle(_SETTLE_SECONDS)
        writer.close()
        await log.close()


def _writer(settings: RelaySettings) -> SpoolWriter:
    return SpoolWriter(
        settings.spool_dir,
        segment_bytes=settings.spool_segment_bytes,
        max_bytes=settings.spool_max_bytes,
        always_syncs=settings.spool_sync == "always",
    )


def _lane_serves(settings: RelaySettings, dialer: Dialer) -> bool:
    """Whether the lane can do what is set: it repeats no call, reads on for nobody, asks no proxy, awaits no record."""
    cancels, waits = settings.on_client_disconnect == "cancel", settings.spool_sync == "always" or settings.redactor()
    return settings.byte_lane and not settings.upstream_retries and cancels and not dialer.absolute and not waits


def _claude(settings: RelaySettings, dialer: Dialer, times: Times) -> Upstream:
    return Upstream(
        "Claude",
        dialer,
        times,
        retries=settings.upstream_retries,
        drain_seconds=settings.client_drain_timeout if settings.on_client_disconnect == "drain" else 0,
    )
