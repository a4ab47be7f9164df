"""How long the other side wants to be left alone."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

_USUAL: Final = 30.0
_LONGEST: Final = 3600.0


def seconds_to_wait(told: str | None, now: datetime | None = None) -> float:
    """The value of `Retry-After`, seconds or a date (RFC 9110, section 10.2.3); 30 s where it tells nothing."""
    text = (told or "").strip()
    if text.isascii() and text.isdigit():
        return min(float(text[:9]), _LONGEST)
    try:
        at = parsedate_to_datetime(text)
    except ValueError:
        return _USUAL
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return min(max((at - (now or datetime.now(UTC))).total_seconds(), 0.0), _LONGEST)
