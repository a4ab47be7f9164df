"""The bodies of good answers about usage; rows and their fields stand in `plait.common.queries`."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from plait.common.queries.accounts import LimitHeader, ToldWindow, Window
from plait.common.queries.cache import CacheMiss, CacheSum, CacheTotals
from plait.common.queries.pace import AccountPace, Pace, WindowPoint, percentage, remaining
from plait.common.queries.tools import ToolUse
from plait.common.queries.usage import DailyUsage, HourCount, UsageRow


class UsageSums(Struct, frozen=True, kw_only=True, rename="camel"):
    """Sums by day, hour, model, …; days and hours all in order, the rest the dearest first."""

    group_by: str
    tz: str
    """Time zone of the days and hours."""
    since: datetime
    until: datetime | None
    """Null: up to now."""
    usage: list[UsageRow]


class HourlyCounts(Struct, frozen=True):
    """Counts of each domain in each hour (UTC) that has any."""

    data: dict[str, list[HourCount]]


class CurrentUsage(Struct, frozen=True, kw_only=True, rename="camel"):
    """What was used in the last minutes."""

    account_id: str | None
    domain: str | None
    model: str | None
    window_start: datetime
    window_end: datetime
    total_input_tokens: int
    total_output_tokens: int
    total_tokens: int
    """Cache reads and writes included."""
    total_requests: int
    cache_creation_input_tokens: int
    cache_read_input_tokens: int
    cost_usd: float | None


class DailySums(Struct, frozen=True):
    """What was used day by day, oldest first."""

    usage: list[DailyUsage]


class TokenSeries(Struct, frozen=True, kw_only=True, rename="camel"):
    """Output tokens step by step, added up, against the account's limit."""

    account_id: str | None
    window_hours: int
    interval_minutes: int
    token_limit: int | None
    """Output tokens that the account may use in five hours, as configured; null: unknown."""
    time_series: list[Pace]


class AccountList(Struct, frozen=True, kw_only=True, rename="camel"):
    """Accounts that were used in the last five hours, the most output tokens first."""

    accounts: list[AccountPace]
    token_limit: int | None
    """Of accounts that have no limit of their own; null: none is configured."""


class SlidingSums(Struct, frozen=True, kw_only=True, rename="camel"):
    """Sums over a window that slides, point by point."""

    account_id: str | None
    days: int
    bucket_minutes: int
    window_hours: int
    data: list[WindowPoint]


class RateLimits(Struct, frozen=True, kw_only=True, rename="camel"):
    """Limit headers of the provider, each as it was seen last."""

    limits: list[LimitHeader]


class WindowUse(Struct, frozen=True, kw_only=True, rename="camel"):
    """A window of five hours, from its first use on, and what was used in it."""

    start: datetime
    end: datetime
    is_open: bool
    told_by_provider: bool
    """The provider told when it ends; else it is counted from the first use."""
    requests: int
    """Those that reported usage."""
    input_tokens: int
    output_tokens: int
    cache_read_input_tokens: int
    cache_creation_input_tokens: int
    cost_usd: float | None
    remaining: int | None
    """Output tokens left of the configured limit; null: none is."""
    percentage_used: float | None
    full_at: datetime | None
    """When the limit will be reached at this pace; null: not in this window, or no limit is known."""

    @classmethod
    def of(cls, window: Window, limit: int | None, now: datetime) -> WindowUse:
        """A window against a limit."""
        return cls(
            start=window.starts,
            end=window.ends,
            is_open=window.starts <= now < window.ends,
            told_by_provider=window.told,
            requests=window.requests,
            input_tokens=window.input_tokens,
            output_tokens=window.output_tokens,
            cache_read_input_tokens=window.cache_read_tokens,
            cache_creation_input_tokens=window.cache_creation_tokens,
            cost_usd=None if window.requests and window.requests == window.unpriced else float(window.cost_usd),
            remaining=remaining(window.output_tokens, limit),
            percentage_used=percentage(window.output_tokens, limit),
            full_at=window.full_at(limit, now) if limit is not None else None,
        )


class ProviderWindow(Struct, frozen=True, kw_only=True, rename="camel"):
    """A window as the provider told it in its headers."""

    claim: str
    """5h, 7d, …"""
    start: datetime | None
    """Null: its name does not tell how long it is."""
    end: datetime
    last_seen: datetime
    utilization: float | None
    """As seen last; 1: used up."""
    status: str | None
    """As seen last: allowed, allowed_warning, rejected."""
    full_at: datetime | None
    """When it will be full at this pace; null: not before it ends."""

    @classmethod
    def of(cls, window: ToldWindow) -> ProviderWindow:
        """As the ledger keeps it."""
        return cls(
            claim=window.claim,
            start=window.starts_at,
            end=window.ends_at,
            last_seen=window.last_seen,
            utilization=window.utilization,
            status=window.status,
            full_at=window.full_at,
        )


class Windows(Struct, frozen=True, kw_only=True, rename="camel"):
    """The five-hour windows of an account, oldest first, and what the provider told of its windows."""

    account_id: str | None
    domain: str | None
    """Whose windows they are where no account is known."""
    token_limit: int | None
    windows: list[WindowUse]
    provider_windows: list[ProviderWindow]


class ToolList(Struct, frozen=True):
    """Tools that were called, the most used first."""

    tools: list[ToolUse]


class CacheMisses(Struct, frozen=True, kw_only=True, rename="camel"):
    """What could have been read from the prompt cache and was not: in all, by cause, by day, domain, …"""

    group_by: str
    tz: str
    """Time zone of the days."""
    since: datetime
    until: datetime | None
    """Null: up to now."""
    totals: CacheTotals
    causes: list[CacheSum]
    """The dearest first."""
    groups: list[CacheSum]
    """By what was asked for: days in order, those without a miss left out; the rest the dearest first."""
    dearest: list[CacheMiss]
    """Single misses, the dearest first."""
