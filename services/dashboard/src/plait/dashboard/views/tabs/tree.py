"""The tree: as a list, or as a map to pan and zoom; quiet tool turns folded."""

from __future__ import annotations

from typing import Final

from plait.common.queries.tools import count_errors
from plait.dashboard.database import read
from plait.dashboard.islands.drawing import Seen, draw
from plait.dashboard.islands.element import island
from plait.dashboard.islands.folding import fold, heads
from plait.dashboard.islands.graph import tree_list, tree_map
from plait.dashboard.islands.render import render
from plait.dashboard.islands.tree import lay_out
from plait.dashboard.views.told import Told

_LONG: Final = 60
"""Turns from which on quiet ones are folded unless the address says otherwise."""


def show(told: Told) -> None:
    """Draw the tab."""
    wanted = told.wanted
    turns = told.turns
    folded = wanted.fold == "on" or (not wanted.fold and len(turns) >= _LONG)
    exchanges = told.shown if wanted.side else turns
    opened = {one for one in wanted.opened.split(",") if one}
    runs = fold(exchanges, opened) if folded else [[one] for one in exchanges]
    values = {"side_calls": len(told.shown) - len(turns), "folded": folded, "opened": heads(exchanges, opened)}
    island(render("treebar.html", wanted=wanted, **values), key="treebar")
    data = draw(lay_out(runs), _seen(told), told.colour)
    data |= {"newest": bool(wanted.order), "id": f"{wanted.id} {wanted.branch}"}
    if wanted.shape == "map":
        tree_map(data, key="map")
    else:
        tree_list(data, key="list")


def _seen(told: Told) -> Seen:
    return Seen(
        clock=told.clock,
        kinds={b.branch_id: b.kind for b in told.conversation.branches},
        asked=told.asked,
        tool_errors=read(count_errors, told.wanted.id),
        unfold=told.wanted.toggled,
    )
