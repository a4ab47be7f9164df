"""Which refusals of Claude are tried again on behalf of clients that do not retry themselves, and after what pause."""

from __future__ import annotations

import random
from typing import Final

from plait.gateway.relay.fields import Fields, value_of

ATTEMPT: Final = b"x-plait-attempt"
"""Stands in the record of each attempt after the first, with its number; it is what tells the linker of a retry."""

MOST_PAUSE: Final = 30.0
"""Seconds. A client that would have to wait longer had better hear so itself."""

_FIRST_PAUSE: Final = 0.5
_MOST_OWN_PAUSE: Final = 8.0
_TOO_MANY: Final = 429
_SERVERS_FAULT: Final = range(500, 600)


def pause_before_retry(status: int, fields: Fields, failures: int) -> float | None:
    """Seconds to wait after so many failures of a call, the last answered so; None: the answer is the client's.

    Claude's own word goes before our guess: `x-should-retry: false`, and `retry-after` in seconds.
    """
    if status != _TOO_MANY and status not in _SERVERS_FAULT:
        return None
    if (value_of(fields, b"x-should-retry") or b"").lower() == b"false":
        return None
    asked = _seconds(value_of(fields, b"retry-after"))
    if asked is not None:
        return asked if asked <= MOST_PAUSE else None
    most = min(_FIRST_PAUSE * 2.0 ** (failures - 1), _MOST_OWN_PAUSE)
    return most * random.uniform(0.75, 1)  # noqa: S311 - spreads clients that failed together


def _seconds(value: bytes | None) -> float | None:
    """The header's number; its other form, a date, Claude does not use."""
    if value is None:
        return None
    try:
        seconds = float(value)
    except ValueError:
        return None
    return seconds if seconds >= 0 else None
