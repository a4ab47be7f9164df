"""What the relay is made of, by its settings."""

from __future__ import annotations

from typing import Final

from plait.common.masking import Masker
from plait.gateway.access import policy
from plait.gateway.access.access import Access
from plait.gateway.access.directory import Directory
from plait.gateway.access_log import AccessLog
from plait.gateway.oauth.grants import TokenServer
from plait.gateway.oauth.refresher import Refresher
from plait.gateway.relay.app import Relay
from plait.gateway.relay.cors import Cors
from plait.gateway.relay.dialing import Dialer, proxy_for
from plait.gateway.relay.health import Health
from plait.gateway.relay.lane.lane import Lane
from plait.gateway.relay.lane.pool import Pool
from plait.gateway.relay.upstream import Times, Upstream
from plait.gateway.settings import RelaySettings
from plait.gateway.spool.redacting import RedactingSpool
from plait.gateway.spool.writer import SpoolWriter

_SETTLE_SECONDS: Final = 5
"""How long an ending gateway works at what is still to be redacted."""


class Parts:
    """All of them, wired together. To be made inside the running loop, and closed there."""

    def __init__(self, settings: RelaySettings) -> None:
        """Opens the spool and reads the credential files.

        Raises:
            UserError: another gateway writes this spool, or the network would be let in without a key.
        """
        self._settings = settings
        self._refresher = Refresher(TokenServer(settings))
        rules = policy.Policy.of(settings, settings.host)
        self.access = Access(Directory(settings.credentials_dir), rules, self._refresher)
        self._writer = _writer(settings)
        redactor = settings.redactor()
        self._redacting = RedactingSpool(self._writer, redactor) if redactor else None
        self.log = AccessLog(on=settings.access_log)
        self._times = Times(settings.claude_connect_timeout, settings.claude_api_timeout, settings.claude_idle_timeout)
        self._dialer = Dialer(settings.claude_api_base_url, proxy_for(settings.claude_api_base_url))
        self._masker = Masker(bytes.fromhex(settings.masking_key.get_secret_value()))
        self._claude = _claude(settings, self._dialer, self._times)
        self._api = Upstream("The API", Dialer(settings.api_url), self._times)
        self.health = Health(self._writer, settings.spool_dir, self.access)
        self.lane = self._lane() if _lane_serves(settings, self._dialer) else None
        self.app = self._app()

    def _lane(self) -> Lane:
        return Lane(
            pool=Pool("Claude", self._dialer, self._times),
            dialer=self._dialer,
            access=self.access,
            spool=self._writer,
            masker=self._masker,
            log=self.log,
            max_request_bytes=self._settings.max_request_bytes,
            times=self._times,
        )

    def _app(self) -> Relay:
        return Relay(
            access=self.access,
            claude=self._claude,
            api=self._api,
            spool=self._redacting or self._writer,
            log=self.log,
            masker=self._masker,
            health=self.health,
            max_request_bytes=self._settings.max_request_bytes,
            cors=Cors(self._settings.cors_origins.split(",")),
        )

    async def close(self) -> None:
        """Cut and record what still runs, then sync the spool and write the log."""
        if self.lane is not None:
            self.lane.close()
        await self._refresher.close()
        self._claude.close()
        self._api.close()
        if self._redacting is not None:
            await self._redacting.settle(_SETTLE_SECONDS)
        self._writer.close()
        await self.log.close()


def _writer(settings: RelaySettings) -> SpoolWriter:
    return SpoolWriter(
        settings.spool_dir,
        segment_bytes=settings.spool_segment_bytes,
        max_bytes=settings.spool_max_bytes,
        always_syncs=settings.spool_sync == "always",
    )


def _lane_serves(settings: RelaySettings, dialer: Dialer) -> bool:
    """Whether the lane can do what is set: it repeats no call, reads on for nobody, asks no proxy, awaits no record."""
    repeats, drains = settings.upstream_retries > 0, settings.on_client_disconnect == "drain"
    waits = settings.spool_sync == "always" or bool(settings.redactor())
    return settings.byte_lane and not (repeats or drains or waits or dialer.absolute)


def _claude(settings: RelaySettings, dialer: Dialer, times: Times) -> Upstream:
    return Upstream(
        "Claude",
        dialer,
        times,
        retries=settings.upstream_retries,
        drain_seconds=settings.client_drain_timeout if settings.on_client_disconnect == "drain" else 0,
    )
