"""Compare: what one request says that another does not."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from plait.common.comparing import compare
from plait.common.queries.asked import asked_models
from plait.common.queries.exchanges import ExchangeSummary, get_summary
from plait.common.queries.records import Prompt, get_prompt
from plait.dashboard.database import read
from plait.dashboard.islands.comparison import beside
from plait.dashboard.islands.element import island
from plait.dashboard.islands.render import render
from plait.dashboard.views.heading import heading
from plait.dashboard.views.shell import address_parameter, begin, clock

_SIDES: Final = ("a", "b")


def show() -> None:
    """Draw the page."""
    begin("Compare", here="/requests")
    heading("Compare two requests")
    asked = {side: address_parameter(side) for side in _SIDES}
    found = {side: _summary(text) for side, text in asked.items()}
    one, other = found["a"], found["b"]
    if one is None or other is None:
        missing = [side for side in _SIDES if asked[side] and found[side] is None]
        island(render("compare_choose.html", asked=asked, found=found, missing=missing), key="compare")
    else:
        _draw(one, other)


def _summary(text: str) -> ExchangeSummary | None:
    try:
        return read(get_summary, UUID(text))
    except ValueError:
        return None


def _draw(a: ExchangeSummary, b: ExchangeSummary) -> None:
    before, after = _prompt(a), _prompt(b)
    difference = beside(compare((a.request_id, b.request_id), before, after), before, after)
    models = read(asked_models, [a.request_id, b.request_id])
    island(
        render("compare.html", a=a, b=b, difference=difference, asked=models, clock=clock()),
        key="compare",
    )


def _prompt(exchange: ExchangeSummary) -> Prompt:
    """What it asked; nothing of one that was deleted meanwhile."""
    return read(get_prompt, exchange.request_id) or Prompt(messages=[], system=None, tools=None, rest={}, whole=None)
