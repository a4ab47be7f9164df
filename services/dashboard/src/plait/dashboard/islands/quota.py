"""How full accounts are: what the provider told of their windows and rates, and what was used, one card each."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final
from urllib.parse import urlencode

from plait.common.queries.accounts import Account, LimitHeader, ToldWindow
from plait.common.queries.pace import AccountPace

CLAIMS: Final = {"5h": "5 hours", "7d": "Week", "overage": "Overage"}
_OF_MODEL: Final = {"7d_opus": "Week, Opus", "7d_sonnet": "Week, Sonnet"}
_SECONDS: Final = re.compile(r"[0-9]{9,11}")
_PREFIX: Final = "anthropic-ratelimit-"
_UNIFIED: Final = "unified"
_WARM: Final = 0.7
_HOT: Final = 0.9


@dataclass(frozen=True)
class Meter:
    """A window of an account as the provider told it last."""

    name: str
    """Week; 5 hours."""
    used: float | None
    """1: all of it; None: it told nothing but the end."""
    ends_at: datetime
    over: bool
    """It has ended: what was told says nothing of now."""
    full_at: datetime | None
    """At the pace so far; None: not before it ends."""
    refused: bool
    seen_at: datetime

    @property
    def level(self) -> str:
        """How worrying it is: good, warn or bad."""
        if self.over:
            return "over"
        return level_of(1.0 if self.refused else self.used or 0.0)


@dataclass(frozen=True)
class Rate:
    """What an account may send in a minute or so: requests, tokens, …"""

    name: str
    limit: int | None
    remaining: int | None
    resets_at: datetime | None
    seen_at: datetime

    @property
    def used(self) -> float | None:
        """The share of the limit that was used when it was seen."""
        if not self.limit or self.remaining is None:
            return None
        return min(max(1 - self.remaining / self.limit, 0.0), 1.0)


@dataclass(frozen=True)
class Card:
    """One account, or the domain that stands for accounts nobody knows."""

    account: Account
    meters: list[Meter] = field(default_factory=list)
    rates: list[Rate] = field(default_factory=list)
    pace: AccountPace | None = None
    """What it used in the last five hours; None: nothing, or it is a domain."""

    @property
    def name(self) -> str:
        """To read."""
        return self.account.account_id or self.account.domain or ""

    @property
    def address(self) -> str:
        """Of the page with this account below."""
        one = {"account": self.account.account_id} if self.account.account_id else {"domain": self.account.domain or ""}
        return f"/limits?{urlencode({name: value for name, value in one.items() if value})}"

    @property
    def urgency(self) -> tuple[float, int, str]:
        """The fullest first, then those that were used most."""
        open_ones = [meter.used or 0.0 for meter in self.meters if not meter.over]
        return (-max(open_ones, default=-1.0), -(self.pace.output_tokens if self.pace else 0), self.name)


def level_of(used: float) -> str:
    """How worrying it is that so much of a limit is used; 1: all of it."""
    return "bad" if used >= _HOT else "warn" if used >= _WARM else "good"


def cards(
    told: Iterable[ToldWindow], headers: Sequence[LimitHeader], paces: Iterable[AccountPace], now: datetime
) -> list[Card]:
    """A card for each account that anything is known of, the fullest first."""
    meters: dict[Account, dict[str, Meter]] = {}
    for window in sorted(told, key=lambda window: window.ends_at):
        meters.setdefault(whose(window.account_id, window.domain), {})[window.claim] = _meter(window, now)
    own_headers: dict[Account, list[LimitHeader]] = {}
    for header in headers:
        own_headers.setdefault(whose(header.account_id, header.domain), []).append(header)
    used = {Account(pace.account_id): pace for pace in paces if pace.account_id is not None}
    found = [
        Card(
            account,
            meters=[meter for _, meter in sorted(meters.get(account, {}).items())],
            rates=rates_of(own_headers.get(account, [])),
            pace=used.get(account),
        )
        for account in {**meters, **own_headers, **used}
    ]
    return sorted(found, key=lambda card: card.urgency)


def whose(account_id: str | None, domain: str) -> Account:
    """Whose limits a row is about: an account's, or where none is known those of a domain."""
    return Account(account_id) if account_id is not None else Account(None, domain)


def rates_of(headers: Iterable[LimitHeader]) -> list[Rate]:
    """The limits of a minute that headers tell, without those of the windows."""
    held: dict[str, dict[str, str]] = {}
    seen: dict[str, datetime] = {}
    for header in headers:
        name, _, part = header.name.removeprefix(_PREFIX).rpartition("-")
        if name and not name.startswith(_UNIFIED):
            held.setdefault(name, {})[part] = header.value
            seen[name] = max(header.seen_at, seen.get(name, header.seen_at))
    return [
        Rate(
            name.replace("-", " "),
            _whole(own.get("limit")),
            _whole(own.get("remaining")),
            _moment(own.get("reset")),
            seen[name],
        )
        for name, own in sorted(held.items())
        if own.keys() & {"limit", "remaining"}
    ]


def reset_of(header: LimitHeader) -> datetime | None:
    """When a limit begins anew, if that is what the header tells."""
    return _moment(header.value) if header.name.endswith("-reset") else None


def _meter(window: ToldWindow, now: datetime) -> Meter:
    return Meter(
        name=CLAIMS.get(window.claim) or _OF_MODEL.get(window.claim, window.claim),
        used=window.utilization,
        ends_at=window.ends_at,
        over=window.ends_at <= now,
        full_at=window.full_at,
        refused=window.status == "rejected",
        seen_at=window.last_seen,
    )


def _whole(text: str | None) -> int | None:
    return int(text) if text is not None and text.isascii() and text.isdigit() else None


def _moment(text: str | None) -> datetime | None:
    """A time as these headers write it, in words or in seconds since 1970; None: it is none."""
    try:
        if _SECONDS.fullmatch(text or ""):
            return datetime.fromtimestamp(int(text or ""), UTC)
        found = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
