"""ANALYSIS_AUTO: when a conversation is due to be analysed without being asked for."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final

from msgspec import Struct

_IDLE: Final = re.compile(r"idle:(\d{1,6})([smhd])")
_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_LONGEST: Final = timedelta(days=30)
FORGIVEN: Final = timedelta(days=1)
"""What would have been due longer ago is old: a replay, or an import of what was recorded elsewhere."""


class Rule(Struct, frozen=True):
    """When a conversation is due."""

    idle: timedelta | None
    """After so long without a new exchange; None: at the end of the day (UTC) of its latest."""

    def due(self, latest: datetime) -> datetime:
        """When a conversation whose latest exchange began then is due, if none follows."""
        if self.idle is not None:
            return latest + self.idle
        return latest.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)


def parse(text: str) -> Rule | None:
    """The rule that a setting names; None for `off`.

    Raises:
        ValueError: it names none.
    """
    words = text.strip().lower()
    if words in ("off", ""):
        return None
    if words == "daily":
        return Rule(idle=None)
    found = _IDLE.fullmatch(words)
    idle = timedelta(**{_UNITS[found[2]]: int(found[1])}) if found else timedelta()
    if not timedelta() < idle <= _LONGEST:
        raise ValueError(f"must be off, daily, or idle: and a time such as 30m (up to 30d), not {text!r}")
    return Rule(idle)
