"""How many calls a key may make: a bucket for each, filled at an even rate."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

_SPAN: Final = 60.0
"""Seconds that the limit is for."""
_ROUNDING: Final = 1e-6


class Throttle:
    """Lets each key make so many calls a minute, all of them at once if it likes."""

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        """`per_minute` of 0: no limit."""
        self._most = per_minute
        self._clock = clock
        self._paid_until: dict[str, float] = {}
        """By key: when its calls would be used up if it had made them at the even rate."""

    def wait(self, name: str) -> float:
        """Count a call of the key `name`. Seconds until it may be made, and it is not counted; 0: now."""
        if not self._most:
            return 0.0
        now = self._clock()
        until = max(self._paid_until.get(name, now), now) + _SPAN / self._most
        if (early := until - now - _SPAN) > _ROUNDING:
            return early
        self._paid_until[name] = until
        return 0.0
