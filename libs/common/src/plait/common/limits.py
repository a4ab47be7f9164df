"""What an answer's headers say about the limits of the account: pure.

`anthropic-ratelimit-unified-<claim>-status|utilization|reset` tell of a subscription's windows (claims: 5h, 7d, …),
`anthropic-ratelimit-unified-status` of all of them together; other `anthropic-ratelimit-*` ones of what an API key may
send a minute.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Final
from uuid import UUID

from msgspec import Struct

from plait.common.events import Header, ResponseData

FAMILY: Final = "anthropic-ratelimit-"
_UNIFIED: Final = f"{FAMILY}unified-"
_WINDOW: Final = re.compile(rf"{_UNIFIED}(.{{1,60}})-(status|utilization|reset)")
_ALLOWED: Final = "allowed"
_REFUSED: Final = 429
_LONGEST: Final = 255
_MOST_NAMES: Final = 200


class Whose(Struct, frozen=True):
    """Whose limits: an account's, by whatever domain it came; without one, those of the domain's own keys."""

    account_id: str | None
    domain: str

    @property
    def name(self) -> str:
        """As the tables of limits name it."""
        return f"domain {self.domain}" if self.account_id is None else f"account {self.account_id}"


class Seen(Struct, frozen=True, order=True):
    """When something was seen, and in which answer: of two the later one holds."""

    at: datetime
    exchange_id: UUID


class Window(Struct, frozen=True):
    """A window of a subscription as one answer told it."""

    claim: str
    ends_at: datetime
    utilization: Decimal | None
    status: str | None


class Warned(Struct, frozen=True):
    """An answer warned of a limit, or was refused because of one."""

    status: str
    claim: str | None


class Told(Struct, frozen=True):
    """All that one answer says of limits."""

    whose: Whose
    seen: Seen
    values: Mapping[str, str]
    windows: tuple[Window, ...]
    warned: Warned | None


def is_subscription(headers: Iterable[Header]) -> bool:
    """Whether the answer came under a subscription's limits, so that nobody is billed for it."""
    return any((limit := _limit(name)) is not None and limit.startswith(_UNIFIED) for name, _ in headers)


def told(answer: ResponseData) -> Told | None:
    """What an answer says of limits; None when it says nothing."""
    values = _values(answer.headers)
    if not values and answer.status != _REFUSED:
        return None
    warned = _warned(values, answer.status)
    at = answer.started_at + timedelta(milliseconds=answer.first_byte_ms or 0)
    whose = Whose(_cut(answer.account_id) or None, _cut(answer.domain))
    return Told(whose, Seen(at, answer.exchange_id), values, _windows(values), warned)


def _values(headers: Iterable[Header]) -> dict[str, str]:
    found = [(limit, value) for name, value in headers if (limit := _limit(name)) is not None]
    return {limit: _cut(value) for limit, value in found[:_MOST_NAMES]}


@lru_cache(maxsize=1000)
def _limit(name: str) -> str | None:
    """A limit header's name in lower case; None: it is another header."""
    low = name.lower()
    return _cut(low) if low.startswith(FAMILY) else None


def _windows(values: Mapping[str, str]) -> tuple[Window, ...]:
    told: dict[str, dict[str, str]] = {}
    for name, value in values.items():
        if place := _place(name):
            told.setdefault(place[0], {})[place[1]] = value
    found = ((claim, _moment(fields.get("reset")), fields) for claim, fields in sorted(told.items()))
    return tuple(
        Window(claim, ends_at, _fraction(fields.get("utilization")), fields.get("status"))
        for claim, ends_at, fields in found
        if ends_at
    )


def _warned(values: Mapping[str, str], status: int | None) -> Warned | None:
    overall = values.get(f"{_UNIFIED}status", _ALLOWED)
    claim = values.get(f"{_UNIFIED}representative-claim")
    if overall != _ALLOWED:
        return Warned(overall, claim)
    for name in sorted(name for name, value in values.items() if value != _ALLOWED and name.endswith("-status")):
        place = _place(name)
        if place and not place[0].startswith("overage"):
            return Warned(values[name], place[0])
    return Warned(str(status), claim) if status == _REFUSED else None


@lru_cache(maxsize=1000)
def _place(name: str) -> tuple[str, str] | None:
    """Which window a header tells of, and what of it."""
    match = _WINDOW.fullmatch(name)
    return (match[1], match[2]) if match else None


def _moment(text: str | None) -> datetime | None:
    """Seconds since 1970, or ISO 8601."""
    try:
        if text and text.isascii() and text.isdigit():
            return datetime.fromtimestamp(int(text), UTC)
        found = datetime.fromisoformat(text) if text else None
    except (ValueError, OverflowError, OSError):
        return None
    return found if found and found.tzinfo else None


def _fraction(text: str | None) -> Decimal | None:
    try:
        found = Decimal(text) if text else None
    except InvalidOperation:
        return None
    return found if found is not None and found.is_finite() and -1000 < found < 1000 else None


def _cut(text: str | None) -> str:
    return (text or "").replace("\0", "")[:_LONGEST]
