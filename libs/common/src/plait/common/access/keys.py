"""Keys that let people and programs in. Only digests are kept, and compared without telling how near a guess was.

A key is 256 random bits, so a plain SHA-256 of it cannot be tried out: a slow hash would add nothing but its slowness.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from hashlib import sha256
from hmac import compare_digest
from typing import Final

from msgspec import Struct

SINGLE: Final = "client_api_key"
"""Name of the key that a credential file holds in the field of this name, in clear."""
_PREFIX: Final = "plait_"
_HASH: Final = "sha256:"


class Key(Struct, frozen=True):
    """One key that is known by its digest."""

    name: str
    digest: bytes
    """SHA-256 of the key."""
    expires: float | None = None
    """Unix seconds; None: never."""
    disabled: bool = False

    def is_good(self, now: float) -> bool:
        """Whether it lets somebody in at this time, in unix seconds."""
        return not self.disabled and (self.expires is None or now < self.expires)


def new_key() -> str:
    """A fresh key; its beginning lets people, and scanners of leaked secrets, know what it is."""
    return _PREFIX + secrets.token_urlsafe(32)


def hash_of(key: str) -> str:
    """What a file holds of a key."""
    return _HASH + sha256(key.encode()).hexdigest()


def digest_of(text: str) -> bytes | None:
    """The digest that a `hash` of a file holds; None when it is none."""
    try:
        digest = bytes.fromhex(text.removeprefix(_HASH))
    except ValueError:
        return None
    return digest if text.startswith(_HASH) and len(digest) == sha256().digest_size else None


def find(keys: Iterable[Key], secret: bytes) -> Key | None:
    """The key that `secret` is. All keys are compared, whichever it is."""
    digest, found = sha256(secret).digest(), None
    for key in keys:
        if compare_digest(digest, key.digest):
            found = key
    return found
