"""What a conversation used: how its context grew, what the cache gave, cost by model, tools."""

from __future__ import annotations

from typing import Any, Final

import streamlit as st

from plait.common.buckets import Span
from plait.common.queries.cache import CacheFilter, CacheMiss, list_dearest
from plait.common.queries.tools import list_tools
from plait.dashboard.database import read
from plait.dashboard.islands import charts
from plait.dashboard.islands.causes import tell_cause
from plait.dashboard.islands.element import island
from plait.dashboard.islands.growth import SERIES, by_cause, by_model, cache_chart, context_chart, used_turns
from plait.dashboard.islands.render import render
from plait.dashboard.islands.tree import MAIN
from plait.dashboard.views.told import Told

_MOST_MISSES: Final = 10_000
_DEAREST: Final = 5
"""Misses of a cause that are listed."""


def show(told: Told) -> None:
    """Draw the tab; curves are those of one branch: of all, of the main one."""
    branch = told.wanted.branch or MAIN
    misses = _misses(told)
    turns = used_turns(told.turns, told.branch_of, branch)
    values: dict[str, Any] = {"told": told, "branch": branch, "clock": told.clock, "colour": told.colour}
    if turns:
        missed = {one.request_id for one in misses} & {one.request_id for one in turns}
        legend = [(name, charts.colour(number, len(SERIES))) for number, name in enumerate(SERIES)]
        _charted("context", context_chart(turns, missed), values | {"missed": len(missed)})
        _charted("cache", cache_chart(turns), values | {"legend": legend})
    island(
        render(
            "conversation_usage.html",
            models=by_model(told.shown),
            causes=by_cause(misses),
            dearest=_DEAREST,
            tell=tell_cause,
            tools=read(list_tools, conversation_id=told.wanted.id),
            **values,
        ),
        key="conversation_usage",
    )


def _misses(told: Told) -> list[CacheMiss]:
    span = Span(told.conversation.first_message_time)
    found = read(list_dearest, span, CacheFilter(conversation_id=told.wanted.id), limit=_MOST_MISSES)
    shown = {one.request_id for one in told.shown}
    return [one for one in found if one.request_id in shown]


def _charted(name: str, chart: charts.Chart, values: dict[str, Any]) -> None:
    with st.container(border=True, key=f"chart_{name}"):
        island(render("conversation_chart.html", name=name, **values), key=f"legend_{name}")
        charts.draw(chart, key=f"drawn_{name}")
