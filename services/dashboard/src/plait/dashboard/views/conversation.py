"""One conversation: its figures, its branches, and its exchanges in five views."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from plait.common.queries.conversations import Branch, get_conversation
from plait.dashboard.database import read
from plait.dashboard.islands.element import island
from plait.dashboard.islands.figures import figures_of
from plait.dashboard.islands.live import CONVERSATIONS, EXCHANGES, live
from plait.dashboard.islands.render import render
from plait.dashboard.islands.tree import MAIN
from plait.dashboard.views import deleting
from plait.dashboard.views.shell import begin, clock, id_in_address, say_unknown
from plait.dashboard.views.tabs import analysis, text, timeline, tree, usage
from plait.dashboard.views.told import Told, tell
from plait.dashboard.views.wanted import wanted_of
from plait.dashboard.visitor import visitor

_TABS: Final[dict[str, tuple[str, Callable[[Told], None]]]] = {
    "tree": ("Tree", tree.show),
    "timeline": ("Timeline", timeline.show),
    "text": ("Text", text.show),
    "usage": ("Usage", usage.show),
    "analysis": ("Analysis", analysis.show),
}
_MOST_CHIPS: Final = 8
_FIRST: Final = ("main", "user", "compact", "subtask")
"""Kinds of branches, those first that a reader looks for."""


@dataclass(frozen=True)
class Chips:
    """Branches to choose, and those to unfold."""

    shown: list[Branch]
    more: list[Branch]


def show() -> None:
    """Draw the page."""
    asked = id_in_address()
    conversation = read(get_conversation, asked) if asked else None
    if conversation is None:
        say_unknown("conversation")
        return
    begin(conversation.title or "Conversation")
    told = tell(conversation, wanted_of(conversation), clock())
    if deleting.is_asked(told):
        deleting.carry_out(told)
        return
    island(render("conversation.html", **_head(told)), key="conversation")
    if told.wanted.action:
        deleting.show(told)
    _TABS[told.wanted.view][1](told)
    live((*EXCHANGES, *CONVERSATIONS), ("request", "requests"), mode="follow", conversation=told.wanted.id)


def _head(told: Told) -> dict[str, Any]:
    return {
        "c": told.conversation,
        "branch": told.branch,
        "clock": told.clock,
        "colour": told.colour,
        "wanted": told.wanted,
        "figures": figures_of(told.shown, told.clock.now),
        "chips": _chips(told),
        "tip": _tip(told),
        "may_delete": visitor().may_delete,
        "tabs": [(name, title) for name, (title, _) in _TABS.items()],
    }


def _chips(told: Told) -> Chips:
    """The first branches, what people opened before what agents did, and always the chosen one."""
    branches = told.conversation.branches
    if len(branches) <= _MOST_CHIPS + 2:
        return Chips(branches, [])
    first = sorted(branches, key=lambda b: _FIRST.index(b.kind))[:_MOST_CHIPS]
    shown = [b for b in branches if b in first or b == told.branch]
    return Chips(shown, [b for b in branches if b not in shown])


def _tip(told: Told) -> UUID | None:
    """The last turn of the chosen branch; of all branches that of the main one."""
    branch = told.wanted.branch or MAIN
    return next((e.request_id for e in reversed(told.turns) if told.branch_of[e.request_id] == branch), None)
