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
    return any(name[:32].lower().startswith(_UNIFIED) for name, _ in headers)


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
    found = [(name.lower(), value) for name, value in headers if name[:20].lower() == FAMILY]
    return {_cut(name): _cut(value) for name, value in found[:_MOST_NAMES]}


def _windows(values: Mapping[str, str]) -> tuple[Window, ...]:
    claims = {match[1] for name in values if (match := _WINDOW.fullmatch(name))}
    found = ((claim, _moment(values.get(f"{_UNIFIED}{claim}-reset"))) for claim in sorted(claims))
    return tuple(
        Window(
            claim,
            ends_at,
            _fraction(values.get(f"{_UNIFIED}{claim}-utilization")),
            values.get(f"{_UNIFIED}{claim}-status"),
        )
        for claim, ends_at in found
        if ends_at
    )


def _warned(values: Mapping[str, str], status: int | None) -> Warned | None:
    overall = values.get(f"{_UNIFIED}status", _ALLOWED)
    claim = values.get(f"{_UNIFIED}representative-claim")
    if overall != _ALLOWED:
        return Warned(overall, claim)
    for name, value in sorted(values.items()):
        match = _WINDOW.fullmatch(name)
        if match and match[2] == "status" and value != _ALLOWED and not match[1].startswith("overage"):
            return Warned(value, match[1])
    return Warned(str(status), claim) if status == _REFUSED else None


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
    return found if found is not None and found.is_finite() and abs(found) < 1000 else None


def _cut(text: str | None) -> str:
    return (text or "").replace("\0", "")[:_LONGEST]
