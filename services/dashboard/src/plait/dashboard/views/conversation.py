"""One conversation: its figures, its branches, and its exchanges as a tree or on a time line."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode
from uuid import UUID

from plait.common.queries.conversations import Conversation, get_conversation
from plait.common.queries.exchanges import ExchangeSummary
from plait.dashboard.database import read
from plait.dashboard.islands import drawing, times
from plait.dashboard.islands.element import island
from plait.dashboard.islands.render import render
from plait.dashboard.islands.tree import Tree, is_side, lay_out
from plait.dashboard.islands.words import between
from plait.dashboard.views.shell import address_parameter, begin, clock, id_in_address, say_unknown

_VIEWS: Final = ("tree", "timeline")


@dataclass(frozen=True)
class Wanted:
    """What the address says."""

    id: UUID
    branch: str
    view: str
    order: str
    side: str

    def address(self, **changes: str) -> str:
        """The address of this conversation seen otherwise; an empty value is the usual one."""
        view = "" if self.view == _VIEWS[0] else self.view
        values = {"branch": self.branch, "view": view, "order": self.order, "side": self.side, **changes}
        query = urlencode({"id": str(self.id), **{name: value for name, value in values.items() if value}})
        return f"/conversation?{query}"


def show() -> None:
    """Draw the page."""
    asked = id_in_address()
    conversation = read(get_conversation, asked) if asked else None
    if conversation is None:
        say_unknown("conversation")
        return
    begin(conversation.title or "Conversation")
    island(render("conversation.html", **_values(conversation, _wanted(conversation))), key="conversation")


def _wanted(conversation: Conversation) -> Wanted:
    branch, view = address_parameter("branch"), address_parameter("view")
    return Wanted(
        conversation.conversation_id,
        branch if any(b.branch_id == branch for b in conversation.branches) else "",
        view if view in _VIEWS else _VIEWS[0],
        "newest" if address_parameter("order") == "newest" else "",
        "show" if address_parameter("side") == "show" else "",
    )


def _values(conversation: Conversation, wanted: Wanted) -> dict[str, Any]:
    whole = lay_out(conversation.requests)
    of_branch = [r.exchange for r in whole.rows if wanted.branch in ("", r.branch)]
    turns = [e for e in of_branch if not is_side(e)]
    tree = lay_out(of_branch if wanted.side else turns)
    return {
        "c": conversation,
        "clock": clock(),
        "prompts": times.prompts(conversation.requests),
        "side_calls": len(of_branch) - len(turns),
        "rows": tree.rows[::-1] if wanted.order else tree.rows,
        **_figures(of_branch, turns),
        **_drawing(tree, conversation),
        **_choices(wanted, whole),
    }


def _figures(shown: Sequence[ExchangeSummary], turns: Sequence[ExchangeSummary]) -> dict[str, Any]:
    prompts = [e.total_tokens - e.output_tokens for e in turns if e.total_tokens]
    costs = [e.cost_usd for e in shown if e.cost_usd is not None]
    began = [e.timestamp for e in shown]
    return {
        "shown": shown,
        "failed": times.failures(shown),
        "messages": max((e.message_count + (e.outcome == "complete") for e in turns), default=0),
        "tokens": sum(e.total_tokens for e in shown),
        "cost": sum(costs) if costs else None,
        "subtasks": sum(e.link_kind == "spawn" for e in shown),
        "context": prompts[-1] if prompts else None,
        "times": times.spend(shown),
        "lasted": between(min(began), max(began)) + (shown[-1].duration_ms or 0.0) if began else None,
    }


def _drawing(tree: Tree, conversation: Conversation) -> dict[str, Any]:
    dashed = {b.branch_id for b in conversation.branches if b.kind == "subtask"}
    return {
        "lanes": tree.lanes,
        "gutter": f"{drawing.gutter(tree.lanes):.2f}",
        "line": drawing.line,
        "node": drawing.node,
        "dashed": dashed,
    }


def _choices(wanted: Wanted, whole: Tree) -> dict[str, Any]:
    colour: Callable[[str], int] = drawing.colours(whole)
    return {
        "branch": wanted.branch,
        "view": wanted.view,
        "newest": bool(wanted.order),
        "side": bool(wanted.side),
        "address": wanted.address,
        "colour": colour,
    }
