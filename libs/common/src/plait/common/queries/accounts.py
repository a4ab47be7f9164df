"""Accounts: limits as the provider tells them, windows of use, and when they will be full."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final
from uuid import UUID

import asyncpg
from msgspec import Struct

from plait.common.queries.named import statements
from plait.common.queries.paging import Reader
from plait.common.windows import FIVE_HOURS, full_at

_SQL: Final = statements("accounts")
_LENGTHS: Final[Mapping[str, timedelta]] = {"5h": FIVE_HOURS, "7d": timedelta(days=7)}
"""How long the windows are that the provider names so; `7d_opus` and its like are as long as `7d`."""


class Account(Struct, frozen=True):
    """Whose use: an account's; where none is known, because clients' own keys are passed through, a domain's."""

    account_id: str | None = None
    domain: str | None = None
    """Looked at only without an account."""

    @property
    def whose(self) -> str:
        """As the tables of limits name it."""
        return f"account {self.account_id}" if self.account_id is not None else f"domain {self.domain}"

    @property
    def _values(self) -> dict[str, object]:
        return {"account": self.account_id, "domain": None if self.account_id is not None else self.domain}


class LimitHeader(Struct, frozen=True, kw_only=True, rename="camel"):
    """A limit header as it was seen last."""

    account_id: str | None
    domain: str
    """Where it was seen."""
    name: str
    """anthropic-ratelimit-…, in lower case."""
    value: str
    seen_at: datetime
    exchange_id: UUID


class ToldWindow(Struct, frozen=True, kw_only=True, rename="camel"):
    """A window of a subscription as the provider told it."""

    account_id: str | None
    domain: str
    claim: str
    """5h, 7d, …"""
    ends_at: datetime
    first_seen: datetime
    last_seen: datetime
    utilization: float | None
    """As seen last; 1: used up."""
    status: str | None
    """As seen last: allowed, allowed_warning, rejected."""

    @property
    def starts_at(self) -> datetime | None:
        """None for a window whose length its name does not tell."""
        length = _LENGTHS.get(self.claim.partition("_")[0])
        return self.ends_at - length if length else None

    @property
    def full_at(self) -> datetime | None:
        """When it will be full at the pace from its begin to when it was seen last; None: not before it ends."""
        if self.utilization is None or self.starts_at is None:
            return None
        return full_at(self.utilization, 1.0, self.starts_at, self.last_seen, self.ends_at)


class LimitWarning(Struct, frozen=True, kw_only=True, rename="camel"):
    """An answer that warned of a limit, or was refused because of one."""

    exchange_id: UUID
    account_id: str | None
    domain: str
    seen_at: datetime
    status: str
    """allowed_warning, rejected, or the HTTP status 429."""
    claim: str | None
    """Which window, if told."""


class Window(Struct, frozen=True, kw_only=True, rename="camel"):
    """A window of five hours in which an account was used, and what was used in it."""

    starts: datetime
    ends: datetime
    told: bool
    """The provider told when it ends; else it is counted from the first use."""
    requests: int
    """Those that reported usage."""
    input_tokens: int
    output_tokens: int
    cache_read_tokens: int
    cache_creation_tokens: int
    cost_usd: Decimal
    """Of what is priced."""
    unpriced: int
    first_use: datetime | None
    last_use: datetime | None

    def full_at(self, limit: int, now: datetime) -> datetime | None:
        """When so many output tokens are reached at the pace so far; None: not before the window ends."""
        return full_at(self.output_tokens, limit, self.starts, min(now, self.ends), self.ends)


async def list_limits(db: Reader, account: Account | None = None) -> list[LimitHeader]:
    """The limit headers seen last, of one account or of all."""
    sql, arguments = _SQL["limits"].bind({"whose": account and account.whose})
    return [LimitHeader(**record) for record in await db.fetch(sql, *arguments)]


async def list_told_windows(
    db: Reader,
    since: datetime,
    account: Account | None = None,
    *,
    until: datetime | None = None,
    claim: str | None = None,
) -> list[ToldWindow]:
    """The windows that the provider told of and that were open after `since`."""
    values = {"since": since, "until": until, "whose": account and account.whose, "claim": claim}
    sql, arguments = _SQL["told"].bind(values)
    return [_told(record) for record in await db.fetch(sql, *arguments)]


async def list_warnings(
    db: Reader,
    since: datetime,
    *,
    until: datetime | None = None,
    account_id: str | None = None,
    domain: str | None = None,
) -> list[LimitWarning]:
    """Warnings of limits, oldest first."""
    values = {"since": since, "until": until, "account": account_id, "domain": domain}
    sql, arguments = _SQL["warnings"].bind(values)
    return [LimitWarning(**record) for record in await db.fetch(sql, *arguments)]


async def list_windows(db: Reader, account: Account, since: datetime, *, until: datetime | None = None) -> list[Window]:
    """The five-hour windows in which an account was used, oldest first; of one that is open, what is used so far."""
    values = {"since": since, "until": until, "length": FIVE_HOURS, "whose": account.whose, **account._values}
    sql, arguments = _SQL["windows"].bind(values)
    return [Window(**record) for record in await db.fetch(sql, *arguments)]


def _told(record: asyncpg.Record) -> ToldWindow:
    fields = dict(record)
    utilization = fields.pop("utilization")
    return ToldWindow(**fields, utilization=None if utilization is None else float(utilization))
