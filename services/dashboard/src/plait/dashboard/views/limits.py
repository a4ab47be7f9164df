"""Limits: how full the accounts are, when they will be, and how one of them came to where it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import streamlit as st

from plait.common.buckets import SLOT, floor, starts
from plait.common.queries.accounts import (
    Account,
    LimitHeader,
    Window,
    list_limits,
    list_told_windows,
    list_windows,
)
from plait.common.queries.pace import WindowPoint, list_accounts, sliding_window
from plait.common.queries.series import Cell, together, usage_series
from plait.common.queries.usage import UsageFilter
from plait.common.windows import FIVE_HOURS
from plait.dashboard.database import read
from plait.dashboard.islands import charts
from plait.dashboard.islands.element import island
from plait.dashboard.islands.groups import group
from plait.dashboard.islands.quota import Card, cards, level_of, reset_of, whose
from plait.dashboard.islands.render import render
from plait.dashboard.islands.sparkline import sparkline
from plait.dashboard.islands.stretches import days_before
from plait.dashboard.islands.words import Clock, exact
from plait.dashboard.settings import Settings
from plait.dashboard.views.filters import readable
from plait.dashboard.views.shell import address_parameter, begin, clock
from plait.dashboard.visitor import visitor

_DAYS: Final = 7
_KEPT: Final = 10
"""Seconds for which the past of an account is not read again."""
_SHOWN: Final = 6
"""Cards that are not folded away."""
_WINDOWS: Final = 20
"""Windows in the list of one account, the latest."""
_TOLD_SINCE: Final = timedelta(days=1)
"""Windows that ended before are not told of: they say nothing of now."""


def show() -> None:
    """Draw the page."""
    begin("Limits", here="/limits")
    st.title("Limits", anchor=False)
    settings, now = Settings(), clock()
    paces = read(list_accounts, now.now, settings.token_limit)
    told = read(list_told_windows, now.now - _TOLD_SINCE)
    headers = read(list_limits)
    found = cards(told, headers, paces, now.now)
    chosen = _chosen(found)
    values = {"shown": found[:_SHOWN], "folded": found[_SHOWN:], "chosen": chosen, "clock": now}
    island(
        render("limits.html", **values, sparkline=sparkline, level_of=level_of, gateway=settings.gateway_url),
        key="limits",
    )
    if chosen:
        _draw_one(chosen, headers, now, settings.token_limit(chosen.account.account_id))


def _chosen(found: Sequence[Card]) -> Card | None:
    """The account that the address names, known or not; else the first."""
    account, domain = readable(address_parameter("account")), readable(address_parameter("domain"))
    if not account and not domain:
        return found[0] if found else None
    asked = Account(account) if account else Account(None, domain)
    return next((card for card in found if card.account == asked), Card(asked))


@dataclass(frozen=True)
class Past:
    """What an account did in the last days."""

    points: list[WindowPoint]
    windows: list[Window]
    """The latest first."""
    cells: list[Cell]
    """By domain."""


def _past(account: Account, now: Clock) -> Past:
    domains = visitor().domains
    since = days_before(_DAYS, now.now, now.zone)
    return _read_past((account.whose, since, None if domains is None else tuple(sorted(domains))), account, now.now)


@st.cache_data(ttl=_KEPT, max_entries=64, show_spinner=False)
def _read_past(key: tuple[str, datetime, tuple[str, ...] | None], _account: Account, _now: datetime) -> Past:
    """`key`: account, time and visitor, whose answers are kept apart; `read` sees to it that they differ."""
    since, account_id, domain = key[1], _account.account_id, _account.domain
    points = read(
        sliding_window,
        _now,
        length=_now - since,
        window=FIVE_HOURS,
        interval=SLOT,
        account_id=account_id,
        domain=domain,
    )
    where = UsageFilter(account_id=account_id, domain=domain)
    cells = read(usage_series, "domain", [since], floor(_now) + SLOT, where)
    return Past(points, read(list_windows, _account, since)[::-1], cells)


def _draw_one(card: Card, headers: Sequence[LimitHeader], now: Clock, limit: int | None) -> None:
    past = _past(card.account, now)
    points, windows, cells = past.points, past.windows, past.cells
    current = windows[0] if windows and windows[0].starts <= now.now < windows[0].ends else None
    values = {"card": card, "limit": limit, "clock": now, "level_of": level_of}
    island(
        render("limits_one.html", **values, current=current, full_at=_full_at(current, limit, now.now)),
        key="limits_one",
    )
    with st.container(border=True, key="limits_pace"):
        warned = sum(point.limit_warning for point in points)
        island(render("limits_chart.html", warned=warned, limit=limit), key="limits_chart")
        charts.draw(_chart(card, points, now, limit), key="limits_trailing")
    own = [header for header in headers if whose(header.account_id, header.domain) == card.account]
    island(
        render(
            "limits_rest.html",
            **values,
            windows=windows[:_WINDOWS],
            left_out=max(len(windows) - _WINDOWS, 0),
            shares=group(cells, "domain", "tokens").all,
            used=together(cells),
            headers=[(header, reset_of(header)) for header in own],
        ),
        key="limits_rest",
    )


def _full_at(window: Window | None, limit: int | None, now: datetime) -> datetime | None:
    """When the configured limit is reached at this pace; what the provider tells stands with its windows."""
    return window.full_at(limit, now) if window and limit else None


def _chart(card: Card, points: Sequence[WindowPoint], now: Clock, limit: int | None) -> charts.Chart:
    """Output tokens in the five hours before each quarter of an hour."""
    drawn = [
        charts.Point(
            at=point.time.timestamp(),
            value=point.output_tokens,
            when=f"{local:%a} {local.day} {local:%b, %H:%M}",
            shown=f"{exact(point.output_tokens)} output tokens, {exact(point.requests)} requests",
            warned=point.limit_warning,
            note="A limit was warned of" if point.limit_warning else "",
        )
        for point, local in ((point, point.time.astimezone(now.zone)) for point in points)
    ]
    highest = max((point.output_tokens for point in points), default=0)
    warned = sum(point.limit_warning for point in points)
    said = (
        f"Output tokens of {card.name} in the five hours before each moment of the last seven days: at most "
        f"{exact(highest)}; {warned} quarters of an hour with a warning of a limit."
    )
    days = starts("day", points[0].time, points[-1].time, now.zone)
    ticks = charts.day_ticks([day for day in days if day >= points[0].time], now.zone)
    return charts.line(drawn, ticks=ticks, description=said, limit=limit)
