"""How long the other side wants to be left alone."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

_USUAL: Final = 30.0
_SHORTEST: Final = 1.0
"""Who asks for none at all would be asked again without an end."""
_LONGEST: Final = 3600.0


def seconds_to_wait(told: str | None, now: datetime | None = None) -> float:
    """The value of `Retry-After`, seconds or a date (RFC 9110, section 10.2.3); 30 s where it tells nothing."""
    text = (told or "").strip()
    if text.isascii() and text.isdigit():
        return _bounded(float(text[:9]))
    try:
        at = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return _USUAL
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return _bounded((at - (now or datetime.now(UTC))).total_seconds())


def _bounded(seconds: float) -> float:
    return min(max(seconds, _SHORTEST), _LONGEST)
