"""The text: a branch read as one conversation from top to bottom."""

from __future__ import annotations

from typing import Final

from plait.common.queries.exchanges import ExchangeSummary
from plait.common.queries.transcript import tell_stretch
from plait.dashboard.database import read
from plait.dashboard.islands.element import island
from plait.dashboard.islands.reading import passages, way_to
from plait.dashboard.islands.render import render
from plait.dashboard.islands.tree import MAIN
from plait.dashboard.views.told import Told

_TURNS: Final = 100
"""Turns on a page."""


def show(told: Told) -> None:
    """Draw the tab; of all branches the main one is read."""
    branch = told.wanted.branch or MAIN
    own = [one for one in told.turns if told.branch_of[one.request_id] == branch]
    way = way_to(own[-1], told.conversation.requests) if own else []
    pages = max(-(-len(way) // _TURNS), 1)
    number = min(told.wanted.page, pages)
    start = (number - 1) * _TURNS
    turns = read(tell_stretch, way, start, _TURNS) if way else []
    values = {
        "told": told,
        "wanted": told.wanted,
        "branch": branch,
        "passages": passages(turns, start + 1),
        "number": number,
        "pages": pages,
        "total": len(way),
        "called": _called(told),
        "asked": told.asked,
    }
    island(render("text.html", **values), key="text")


def _called(told: Told) -> dict[object, list[ExchangeSummary]]:
    """First exchanges of sub-tasks by the exchange that called them."""
    found: dict[object, list[ExchangeSummary]] = {}
    for one in told.conversation.requests:
        if one.link_kind == "spawn":
            found.setdefault(one.parent_request_id, []).append(one)
    return found
