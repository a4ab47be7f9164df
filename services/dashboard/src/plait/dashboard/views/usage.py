"""Usage: what was used over time and by whom, what it cost, what the cache gave, the week at a glance, and tools."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import msgspec
import streamlit as st

from plait.common.buckets import zones
from plait.common.queries.series import APART, Apart, Cell, first_use
from plait.common.queries.usage import UsageFilter
from plait.dashboard.database import read
from plait.dashboard.islands import charts
from plait.dashboard.islands.advice import sum_up_cause
from plait.dashboard.islands.daily import days_of, table_of
from plait.dashboard.islands.element import island
from plait.dashboard.islands.groups import (
    MEASURES,
    Grouped,
    Measure,
    chart_of,
    group,
    in_words,
    mean,
    measured,
    value,
    written,
)
from plait.dashboard.islands.render import render
from plait.dashboard.islands.stretches import UNITS, Stretches, cut, days_before, unit_for
from plait.dashboard.islands.week import WEEKDAYS, Pace, Week, pace_of, week_of
from plait.dashboard.islands.words import Clock
from plait.dashboard.settings import Settings
from plait.dashboard.views.filters import Field, Filters, choose, readable
from plait.dashboard.views.shell import address_parameter, begin
from plait.dashboard.views.used import Question, Used, read_used

_FIELDS: Final[tuple[Field, ...]] = ("domain", "time", "account", "model", "kind", "dates")
_NAMED: Final = ("key", "tag", "agent")
"""Filters that are set by a click on a row; no control has them."""
_DAYS: Final = {"7 days": 7, "30 days": 30}
_LAST_DAY: Final = "24 hours"
_USUAL_APART: Final[Apart] = "domain"
_USUAL_MEASURE: Final[Measure] = "requests"

Link = tuple[str, str, bool]
"""What to call it, its address, and whether it is where one is."""


@dataclass(frozen=True)
class Wanted:
    """What the address asks for."""

    filters: Filters
    where: UsageFilter
    apart: Apart
    measure: Measure
    stretches: Stretches
    now: datetime

    @property
    def of_all(self) -> Measure:
        """What the hours are measured by: tools have calls alone, and their page tells requests there."""
        return _USUAL_MEASURE if self.apart == "tool" else self.measure

    @property
    def question(self) -> Question:
        """What to read."""
        return Question(self.where, self.apart, self.of_all, self.stretches)

    @property
    def noun(self) -> str:
        """What the groups count."""
        return "calls" if self.apart == "tool" else "requests"


def show() -> None:
    """Draw the page."""
    begin("Usage", here="/usage")
    st.title("Usage", anchor=False)
    wanted = _wanted()
    if wanted is None:
        _say_empty()
        return
    used = read_used(wanted.question)
    if not used.all.requests and read(first_use) is None:
        _say_empty()
        return
    _draw_head(wanted, used)
    if used.all.requests or used.cells:
        grouped = group(used.cells, wanted.apart, wanted.measure)
        _draw_bars(wanted, grouped)
        _draw_rest(wanted, used, grouped)
        _draw_days(wanted, used.cells)


def _wanted() -> Wanted | None:
    """None: nothing is recorded at all."""
    asked = _asked()
    filters = choose("/usage", _FIELDS, extra=asked)
    filters, now = replace(filters, zone=ZoneInfo(asked["tz"]) if asked["tz"] else filters.zone), datetime.now(UTC)
    since = _since(filters, now)
    if since is None:
        return None
    until = max(filters.until or now, since)
    apart = asked["by"] if asked["by"] in APART else _USUAL_APART
    measure = asked["measure"] if asked["measure"] in MEASURES and apart != "tool" else _USUAL_MEASURE
    where = msgspec.structs.replace(
        filters.usage,
        key_name=asked["key"] or None,
        tag=asked["tag"] or None,
        agent_type=asked["agent"] or None,
    )
    stretches = cut(unit_for(asked["unit"], since, until), since, until, filters.zone)
    return Wanted(filters, where, apart, measure, stretches, now)


def _asked() -> dict[str, str]:
    """What the address holds beside the filters that have controls; empty where that makes no sense."""
    known: dict[str, Collection[str]] = {"by": APART, "unit": UNITS, "measure": MEASURES, "tz": zones()}
    asked = {name: address_parameter(name) for name in known}
    named = {name: readable(address_parameter(name)) for name in _NAMED}
    return {**{name: value if value in known[name] else "" for name, value in asked.items()}, **named}


def _since(filters: Filters, now: datetime) -> datetime | None:
    """Where the time begins: with an hour or a day, of which the last one is now, so that all bars are whole ones."""
    if filters.first_day:
        return filters.since
    if filters.last_day or filters.span not in (_LAST_DAY, *_DAYS):
        return read(first_use)
    if filters.span == _LAST_DAY:
        return cut("hour", now - timedelta(hours=23), now, filters.zone).begins[0]
    return days_before(_DAYS[filters.span], now, filters.zone)


def _draw_head(wanted: Wanted, used: Used) -> None:
    pace = pace_of(used.hours, wanted.now)
    island(
        render(
            "usage_head.html",
            wanted=wanted,
            used=used.all,
            prompt=_prompt(used),
            pace=pace,
            value=value,
            mean=mean,
            peak=_hour_name(pace, wanted.stretches.zone),
            filters=wanted.filters,
            choices=_choices(wanted),
            zones=_zone_choices(wanted),
            clock=Clock(wanted.stretches.zone, wanted.now),
            named=[(name, wanted.filters.extra[name]) for name in _NAMED if wanted.filters.extra.get(name)],
        ),
        key="usage_head",
    )


def _draw_bars(wanted: Wanted, grouped: Grouped) -> None:
    title = _title(wanted)
    with st.container(border=True, key="usage_bars"):
        island(render("usage_bars.html", wanted=wanted, title=title, groups=grouped.groups), key="usage_legend")
        whole = sum(measured(one.used, wanted.measure) for one in grouped.groups)
        said = (
            f"{title} by {wanted.apart}, {wanted.stretches.names[0]} to {wanted.stretches.names[-1]}: "
            f"{written(whole, wanted.measure, wanted.noun)} in all. The tables below have the same figures."
        )
        chart = chart_of(grouped, wanted.stretches, wanted.measure, noun=wanted.noun, description=said)
        charts.draw(chart, key="usage_chart")


def _draw_rest(wanted: Wanted, used: Used, grouped: Grouped) -> None:
    week = week_of(used.hours, wanted.stretches.zone)
    island(
        render(
            "usage.html",
            wanted=wanted,
            grouped=grouped,
            measured=measured,
            highest=max((measured(one.used, wanted.measure) for one in grouped.all), default=0),
            whole=sum(measured(one.used, wanted.measure) for one in grouped.all),
            sum_up_cause=sum_up_cause,
            value=value,
            mean=mean,
            used=used.all,
            prompt=_prompt(used),
            week=[(name, _heat(cells, week, wanted)) for name, cells in zip(WEEKDAYS, week.cells, strict=True)],
            models=[row for row in used.models if row.cost_usd or row.unpriced_requests],
            costliest=max((row.cost_usd or 0 for row in used.models), default=0),
            unpriced=[row for row in used.models if row.unpriced_requests],
            tools=used.tools,
            causes=used.causes,
            dearest=used.dearest,
            clock=Clock(wanted.stretches.zone, wanted.now),
        ),
        key="usage",
    )


def _heat(cells: Sequence[float | None], week: Week, wanted: Wanted) -> list[tuple[str, str] | None]:
    """Of each hour of a weekday how warm it is, in percent, and its mean in words; None: there is no such hour."""
    return [
        None if one is None else (f"{100 * one / week.highest:.1f}" if one else "0", in_words(one, wanted.of_all))
        for one in cells
    ]


def _prompt(used: Used) -> int:
    """Tokens of all prompts."""
    return used.all.total_tokens - used.all.output_tokens


def _draw_days(wanted: Wanted, cells: Sequence[Cell]) -> None:
    days = days_of(cells, wanted.stretches)
    island(render("usage_days.html", wanted=wanted, days=days), key="usage_days")
    st.download_button(
        "Download as CSV",
        lambda: table_of(cells, wanted.stretches, wanted.apart),
        file_name=f"usage-by-{wanted.apart}.csv",
        mime="text/csv",
        on_click="ignore",
        key="usage_csv",
    )


def _choices(wanted: Wanted) -> list[tuple[str, list[Link]]]:
    """Rows of links, and what to call each."""
    filters, stretches = wanted.filters, wanted.stretches
    usual = unit_for("", stretches.begins[0], stretches.until)
    units: list[Link] = [
        (unit, filters.address(unit="" if unit == usual else unit), unit == stretches.unit)
        for unit in UNITS
        if unit_for(unit, stretches.begins[0], stretches.until) == unit
    ]
    aparts: list[Link] = [
        (apart, filters.address(by="" if apart == _USUAL_APART else apart), apart == wanted.apart) for apart in APART
    ]
    measures: list[Link] = [
        (measure, filters.address(measure="" if measure == _USUAL_MEASURE else measure), measure == wanted.measure)
        for measure in (MEASURES if wanted.apart != "tool" else ())
    ]
    return [("By", aparts), ("Each", units), *([("Show", measures)] if measures else [])]


def _zone_choices(wanted: Wanted) -> list[Link]:
    """The reader's zone and UTC, and the one that the address names."""
    own = st.context.timezone or "UTC"
    names = dict.fromkeys([own, "UTC", wanted.stretches.zone.key])
    return [
        (name, wanted.filters.address(tz="" if name == own else name), name == wanted.stretches.zone.key)
        for name in names
    ]


def _title(wanted: Wanted) -> str:
    what = "calls of tools" if wanted.apart == "tool" else wanted.measure
    return f"{what} each {wanted.stretches.unit}".capitalize()


def _hour_name(pace: Pace, zone: ZoneInfo) -> str:
    return "" if pace.peak_at is None else cut("hour", pace.peak_at, pace.peak_at, zone).names[0]


def _say_empty() -> None:
    island(render("usage_empty.html", gateway=Settings().gateway_url), key="usage_empty")
