"""Analyses: the list with their states, what they say of quality day by day, and the tips that are given most."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, get_args

import streamlit as st

from plait.common.queries.analyses import (
    AnalysisFilter,
    QualityOfDay,
    State,
    count_states,
    frequent_tips,
    list_analyses,
    quality_by_day,
)
from plait.common.queries.paging import Page
from plait.dashboard.database import read
from plait.dashboard.islands import charts
from plait.dashboard.islands.element import island
from plait.dashboard.islands.quality import CURVES, Quality, curve, quality_of
from plait.dashboard.islands.render import render
from plait.dashboard.views.filters import Field, Filters, choose
from plait.dashboard.views.paging import Place, Shown, pager, place_in_address
from plait.dashboard.views.shell import address_parameter, begin, clock

_FIELDS: Final[tuple[Field, ...]] = ("domain", "time", "dates")
_STATES: Final[tuple[State, ...]] = get_args(State)


def show() -> None:
    """Draw the page."""
    begin("Analyses", here="/analyses")
    st.title("Analyses", anchor=False)
    place = place_in_address()
    state = next((state for state in _STATES if state == address_parameter("state")), None)
    filters = choose("/analyses", _FIELDS, extra={"state": state or "", **place.parameters})
    everything = AnalysisFilter(domain=filters.domain or None, since=filters.since, until=filters.until)
    counts = read(count_states, everything)
    if not counts:
        _say_empty(filters)
        return
    _draw_list(filters, everything, state, counts, place)
    days = read(quality_by_day, everything, filters.zone.key)
    if days:
        _draw_quality(filters, days, quality_of(days))
    tips = read(frequent_tips, everything)
    if tips:
        island(render("analyses_tips.html", tips=tips, most=max(kind.count for kind in tips)), key="analyses_tips")


def _draw_list(
    filters: Filters, everything: AnalysisFilter, state: State | None, counts: dict[State, int], place: Place
) -> None:
    where = AnalysisFilter(domain=everything.domain, since=everything.since, until=everything.until, status=state)
    listed = read(list_analyses, where, place.page)
    island(
        render(
            "analyses.html",
            rows=listed.rows,
            states=_states(filters, state, counts),
            clock=clock(),
            filters=filters,
            pager=pager(filters, place, Shown.of(listed)),
        ),
        key="analyses",
    )


def _states(filters: Filters, chosen: State | None, counts: dict[State, int]) -> list[tuple[str, int, str, bool]]:
    """Links to the analyses of one state: what to call it, how many there are, the address, and whether it is here."""
    every = ("all", sum(counts.values()), filters.address(state=""), chosen is None)
    one = [(state, counts.get(state, 0), filters.address(state=state), state == chosen) for state in _STATES]
    return [every, *one]


def _draw_quality(filters: Filters, days: Sequence[QualityOfDay], quality: Quality) -> None:
    island(render("analyses_quality.html", quality=quality), key="analyses_quality")
    if len(days) < 2:
        return
    for place, (field, title) in zip(st.columns(len(CURVES)), CURVES.items(), strict=True):
        with place, st.container(border=True, key=f"curve_{field}"):
            island(render("analyses_curve.html", title=title), key=f"title_{field}")
            charts.draw(curve(days, field, title, filters.zone), key=f"chart_{field}")


def _say_empty(filters: Filters) -> None:
    anything = bool(read(list_analyses, AnalysisFilter(), Page(limit=1)).rows)
    island(render("analyses_empty.html", filters=filters, anything=anything), key="analyses")
