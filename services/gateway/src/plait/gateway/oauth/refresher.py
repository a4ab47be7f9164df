"""Keeps the logins of the gateway good: when to refresh, who waits for it, and what is said when it fails."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

import structlog

from plait.gateway.access.access import STALE_SECONDS
from plait.gateway.access.directory import SUFFIX
from plait.gateway.access.refused import unauthorised
from plait.gateway.metrics import TOKEN_REFRESHES
from plait.gateway.oauth.grants import Refused, Unavailable
from plait.gateway.oauth.renewal import Clock, Refreshing, Renewal
from plait.gateway.relay.refusals import Refusal

PAUSE_SECONDS: Final = 5
"""From one attempt to the next, however it went."""
PATIENCE_SECONDS: Final = 1
"""How long a refresh is waited for while the old token is still good. The first second of it: who comes later, and
finds it still running, goes on at once."""

_log = structlog.get_logger(__name__)


class Refresher:
    """Refreshes on demand: an idle gateway leaves its logins alone, a busy one has them renewed before they expire."""

    def __init__(self, server: Refreshing, clock: Clock = time.time) -> None:
        self._server = server
        self._clock = clock
        self._logins: dict[Path, _Login] = {}

    async def refresh(self, path: Path) -> None:
        """Bring the token in a credential file up to date; returns when the file holds one that is good.

        That may be the old one, as long as it is good, when a new one takes long or cannot be had.

        Raises:
            Refusal: 401, it has expired and cannot be refreshed now.
        """
        login = self._logins.get(path)
        if login is None:
            login = self._logins[path] = _Login(path, self._server, self._clock)
        await login.freshen()

    async def close(self) -> None:
        """Let refreshes that run come to their end: what the token server gave is not thrown away."""
        running = [login.flight for login in self._logins.values() if login.flight]
        if running:
            await asyncio.wait(running)


class _Login:
    """One credential file, and the one refresh of it that may run."""

    def __init__(self, path: Path, server: Refreshing, clock: Clock) -> None:
        self._domain = path.name.removesuffix(SUFFIX)
        self._renewal = Renewal(path, server, clock)
        self._clock = clock
        self._not_before = 0.0
        self._expires_at = 0.0
        self._fault: Refused | Unavailable | None = None
        self._began = 0.0
        self.flight: asyncio.Task[None] | None = None

    async def freshen(self) -> None:
        if self.flight is None and not self._look():
            self._fault = None
            return
        if self.flight is None and self._clock() >= self._not_before:
            self._began = self._clock()
            self.flight = asyncio.create_task(self._attempt())
        if self.flight is not None:
            await asyncio.wait({self.flight}, timeout=self._patience())
        if self._clock() >= self._expires_at:
            raise self._refusal()

    def _look(self) -> bool:
        """Whether the token in the file is stale; a new login, or another process, may have changed it."""
        with suppress(Unavailable):  # the attempt that follows tells it
            self._expires_at = self._renewal.stored().expires_at / 1000
        return self._expires_at - self._clock() < STALE_SECONDS

    def _patience(self) -> float | None:
        """Seconds that a request waits for the running refresh; None: until it ends."""
        now = self._clock()
        return None if now >= self._expires_at else max(0.0, self._began + PATIENCE_SECONDS - now)

    async def _attempt(self) -> None:
        try:
            result = str(await self._renewal.renew(STALE_SECONDS))
        except (Refused, Unavailable) as fault:
            self._tell(fault)
            result = "refused" if isinstance(fault, Refused) else "unavailable"
        else:
            self._fault = None
            self._look()
            _log.info("token_refreshed", domain=self._domain, result=result)
        finally:
            self._not_before = self._clock() + PAUSE_SECONDS
            self.flight = None
        TOKEN_REFRESHES.add(result)

    def _tell(self, fault: Refused | Unavailable) -> None:
        """In the log, once for each cause: it is tried again and again as long as requests come."""
        if str(fault) != str(self._fault):
            _log.warning("token_not_refreshed", domain=self._domain, reason=str(fault))
        self._fault = fault

    def _refusal(self) -> Refusal:
        reason = str(self._fault) if self._fault else "its new token has expired at once"
        said = f"The login of {self._domain} at Claude has expired and cannot be refreshed: {reason}."
        cure = f"Log in again with `plait login {self._domain}`."
        if isinstance(self._fault, Refused):
            return unauthorised("login_ended", f"{said} {cure}")
        again = f"It is tried again in {PAUSE_SECONDS} s. If that does not help: {cure}"
        refusal = unauthorised("login_not_refreshed", f"{said} {again}")
        refusal.fields += ((b"retry-after", b"%d" % PAUSE_SECONDS), (b"x-should-retry", b"true"))
        return refusal
