"""Session cookies: an expiry and a random name, signed with a key made from the dashboard's key.

Nothing is stored for a session that is good: a replica, or the same one after a restart, knows it by its signature.
Kept are the names of those that logged out before their time, and an alarm for each connection that ends with its
session.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

COOKIE: Final = "plait_session"
LIFETIME: Final = 7 * 24 * 3600
"""Seconds that a login is good for."""


@dataclass(frozen=True)
class Session:
    """A login that holds: its random name and when it ends, unix seconds."""

    name: str
    expires: int


@dataclass
class Sessions:
    """Gives out sessions, knows them again, and ends them."""

    key: str
    clock: Callable[[], float] = time.time
    _ended: dict[str, int] = field(default_factory=dict, repr=False)
    _alarms: dict[str, asyncio.Event] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        self._signing_key = hmac.digest(self.key.encode(), b"plait dashboard session, version 1", hashlib.sha256)

    def admits(self, key: str) -> bool:
        """Whether `key` is the dashboard's key. Takes the same time whatever is wrong with it."""
        offered, expected = (hashlib.sha256(k.encode(errors="surrogateescape")).digest() for k in (key, self.key))
        return hmac.compare_digest(offered, expected)

    def begin(self) -> str:
        """The cookie value of a new session."""
        session = Session(secrets.token_urlsafe(16), int(self.clock()) + LIFETIME)
        return f"{session.expires}.{session.name}.{self._sign(session)}"

    def read(self, cookie: str) -> Session | None:
        """The session that a cookie value stands for; None if it is forged, expired or logged out."""
        expires, _, rest = cookie.partition(".")
        name, _, signature = rest.partition(".")
        if not (expires.isascii() and expires.isdigit() and len(expires) < 12 and name):
            return None
        session = Session(name, int(expires))
        if not hmac.compare_digest(signature.encode(), self._sign(session).encode()):
            return None
        return session if session.expires > self.clock() and name not in self._ended else None

    def end(self, session: Session) -> None:
        """Log out: the cookie is refused from now on, and what waits in `over` goes on."""
        now = self.clock()
        self._ended = {name: expires for name, expires in self._ended.items() if expires > now}
        self._ended[session.name] = session.expires
        if alarm := self._alarms.pop(session.name, None):
            alarm.set()

    async def over(self, session: Session) -> None:
        """Return when the session ends, by log-out or by age."""
        alarm = self._alarms.setdefault(session.name, asyncio.Event())
        try:
            async with asyncio.timeout(session.expires - self.clock()):
                await alarm.wait()
        except TimeoutError:
            self._alarms.pop(session.name, None)

    def _sign(self, session: Session) -> str:
        return hmac.new(self._signing_key, f"{session.expires}.{session.name}".encode(), hashlib.sha256).hexdigest()
