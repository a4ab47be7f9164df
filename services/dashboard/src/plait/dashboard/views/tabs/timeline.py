"""The time line: a card an exchange, sub-tasks opened in place below the answer that called them."""

from __future__ import annotations

from typing import Any, Final

from plait.common.queries.exchanges import ExchangeSummary
from plait.common.queries.said import list_said
from plait.dashboard.database import read
from plait.dashboard.islands.cards import MOST_STEPS, card, sub_tasks
from plait.dashboard.islands.element import island
from plait.dashboard.islands.render import render
from plait.dashboard.views.told import Told

_CARDS: Final = 50
"""Cards on a page."""


def show(told: Told) -> None:
    """Draw the tab."""
    wanted = told.wanted
    exchanges = _told_as_cards(told)
    pages = max(-(-len(exchanges) // _CARDS), 1)
    number = min(wanted.page, pages)
    here = exchanges[(number - 1) * _CARDS : number * _CARDS]
    values = {
        "cards": _cards(told, here),
        "told": told,
        "wanted": wanted,
        "number": number,
        "pages": pages,
        "total": len(exchanges),
        "side_calls": len(told.shown) - len(told.turns),
        "most_steps": MOST_STEPS,
    }
    island(render("timeline.html", **values), key="timeline")


def _told_as_cards(told: Told) -> list[ExchangeSummary]:
    """Those of the chosen branch; of all branches without sub-tasks, which are told below who called them."""
    exchanges = told.shown if told.wanted.side else told.turns
    if not told.wanted.branch:
        exchanges = [one for one in exchanges if not one.is_subtask]
    return exchanges[::-1] if told.wanted.order else exchanges


def _cards(told: Told, exchanges: list[ExchangeSummary]) -> list[Any]:
    said = read(list_said, [one.request_id for one in exchanges])
    called = sub_tasks(told.conversation.requests, told.branch_of)
    return [
        card(
            one,
            told.branch_of[one.request_id],
            one.request_id in told.asked,
            said[one.request_id],
            called.get(one.request_id, []),
        )
        for one in exchanges
    ]
