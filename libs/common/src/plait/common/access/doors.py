"""All keys that open recorded content: the two of the settings, and those of the file."""

from __future__ import annotations

import time
from collections.abc import Callable
from hashlib import sha256
from hmac import compare_digest

from plait.common.access.grants import ADMIN, VIEWER, Grant, Role
from plait.common.access.key_file import KeyFile, Opener
from plait.common.access.keys import Key


class Doors:
    """Says what a key opens. All keys are compared, whichever it is, and only as digests."""

    def __init__(
        self,
        viewer: str | None = None,
        admin: str | None = None,
        file: KeyFile | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        given: tuple[tuple[str | None, str, Role], ...] = ((viewer, VIEWER, "viewer"), (admin, ADMIN, "admin"))
        self._fixed = tuple(_opener(key, name, role) for key, name, role in given if key)
        self._file = file
        self._clock = clock

    def has_keys(self) -> bool:
        """Whether anybody can come in at all."""
        return bool(self.openers())

    def grant_of(self, secret: str) -> Grant | None:
        """What `secret` opens; None: nothing. One that is two keys at once opens what the last of them does."""
        opener = self.opener_of(secret)
        return opener.grant if opener else None

    def opener_of(self, secret: str) -> Opener | None:
        """The key that `secret` is, with what it opens; None: it is no key of ours, or none that is good now."""
        digest, found = sha256(secret.encode(errors="surrogateescape")).digest(), None
        for opener in self.openers():
            if compare_digest(digest, opener.key.digest):
                found = opener
        return found

    def holds(self, grant: Grant) -> bool:
        """Whether a grant given earlier is still given: its key may have ended, or open something else now."""
        return any(opener.grant == grant for opener in self.openers())

    def openers(self) -> list[Opener]:
        """All keys that are good now."""
        now = self._clock()
        named = self._file.openers() if self._file else ()
        return [opener for opener in (*named, *self._fixed) if opener.key.is_good(now)]


def _opener(key: str, name: str, role: Role) -> Opener:
    return Opener(Key(name, sha256(key.encode(errors="surrogateescape")).digest()), Grant(name, role))
