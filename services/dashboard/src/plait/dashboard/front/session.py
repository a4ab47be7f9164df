"""Session cookies: an expiry, a random name and a mark of the key, signed with a key made from the dashboard's key.

Nothing is stored for a session that is good: a replica, or the same one after a restart, knows it by its signature.
Kept are the names of those that logged out before their time, and an alarm for each connection that ends with its
session. The mark ties a session to the very key that it was opened with: when that ends, so does the session.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, Literal
from weakref import WeakValueDictionary

from plait.common.access.doors import Doors
from plait.common.access.grants import Grant
from plait.common.access.key_file import Opener

COOKIE: Final = "plait_session"
LIFETIME: Final = 7 * 24 * 3600
"""Seconds that a login is good for."""
_LOOK_S: Final = 1.0
"""How often a connection looks whether its key has ended."""


Ending = Literal["expired", "left", "key"]
"""What ended a session: its age, a log-out, or the end of its key."""


@dataclass(frozen=True)
class Session:
    """A login that holds: its random name, when it ends in unix seconds, and the mark of its key."""

    name: str
    expires: int
    mark: str


@dataclass
class Sessions:
    """Gives out sessions, knows them again, and ends them."""

    key: str
    """The dashboard's key."""
    doors: Doors
    clock: Callable[[], float] = time.time
    _ended: dict[str, int] = field(default_factory=dict, repr=False)
    _alarms: WeakValueDictionary[str, asyncio.Event] = field(default_factory=WeakValueDictionary, repr=False)

    def __post_init__(self) -> None:
        self._signing_key = hmac.digest(self.key.encode(), b"plait dashboard session, version 1", hashlib.sha256)

    def begin(self, secret: str) -> str | None:
        """The cookie value of a new session for who has this key; None: it opens nothing."""
        opener = self.doors.opener_of(secret)
        if opener is None:
            return None
        session = Session(secrets.token_urlsafe(16), int(self.clock()) + LIFETIME, self._mark(opener))
        return f"{session.expires}.{session.name}.{session.mark}.{self._sign(session)}"

    def read(self, cookie: str) -> Session | None:
        """The session that a cookie value stands for; None if it is forged, expired, logged out, or its key ended."""
        session = self._signed(cookie)
        if session is None or session.expires <= self.clock() or session.name in self._ended:
            return None
        return session if self.grant_of(session) else None

    def ending(self, cookie: str) -> Ending | None:
        """What ended the session that a cookie stands for; None: it goes on, or we never gave this cookie out."""
        session = self._signed(cookie)
        if session is None:
            return None
        if session.name in self._ended:
            return "left"
        if session.expires <= self.clock():
            return "expired"
        return None if self.grant_of(session) else "key"

    def grant_of(self, session: Session) -> Grant | None:
        """What the session's key opens now; None: that key has ended."""
        return next((o.grant for o in self.doors.openers() if self._mark(o) == session.mark), None)

    def end(self, session: Session) -> None:
        """Log out: the cookie is refused from now on, and what waits in `over` goes on."""
        now = self.clock()
        self._ended = {name: expires for name, expires in self._ended.items() if expires > now}
        self._ended[session.name] = session.expires
        if alarm := self._alarms.get(session.name):
            alarm.set()

    async def over(self, session: Session) -> None:
        """Return when the session ends: by log-out, by age, or because its key has ended or opens something else."""
        granted = self.grant_of(session)
        alarm = self._alarms.setdefault(session.name, asyncio.Event())
        while granted and granted == self.grant_of(session) and (left := session.expires - self.clock()) > 0:
            with suppress(TimeoutError):
                async with asyncio.timeout(min(_LOOK_S, left)):
                    await alarm.wait()
                    return

    def _signed(self, cookie: str) -> Session | None:
        expires, _, rest = cookie.partition(".")
        name, _, rest = rest.partition(".")
        mark, _, signature = rest.partition(".")
        if not (expires.isascii() and expires.isdigit() and len(expires) < 12 and name and mark):
            return None
        session = Session(name, int(expires), mark)
        return session if hmac.compare_digest(signature.encode(), self._sign(session).encode()) else None

    def _mark(self, opener: Opener) -> str:
        return hmac.new(self._signing_key, opener.key.digest, hashlib.sha256).hexdigest()[:32]

    def _sign(self, session: Session) -> str:
        signed = f"{session.expires}.{session.name}.{session.mark}"
        return hmac.new(self._signing_key, signed.encode(), hashlib.sha256).hexdigest()
