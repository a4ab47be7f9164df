"""Keys of the dashboard's visitors: the two of the settings, and one of some domains."""

from __future__ import annotations

from hashlib import sha256
from typing import Final

from plait.common.access.doors import Doors
from plait.common.access.grants import Grant
from plait.common.access.key_file import Opener
from plait.common.access.keys import Key

KEYS: Final = {"viewer": "the-dashboard-key", "admin": "the-admin-key", "limited": "the-limited-key"}
LIMITED: Final = frozenset({"work.example.com"})


class Named:
    """A file of keys that a test changes."""

    def __init__(self) -> None:
        key = Key("limited", sha256(KEYS["limited"].encode()).digest())
        self.given: tuple[Opener, ...] = (Opener(key, Grant("limited", "viewer", LIMITED)),)

    def openers(self) -> tuple[Opener, ...]:
        """As a file gives them."""
        return self.given


def doors(named: Named | None = None) -> Doors:
    """All of them."""
    return Doors(KEYS["viewer"], KEYS["admin"], named or Named())  # type: ignore[arg-type]
