"""A tree as the components that draw it want it: small plain values, texts already made short.

Both draw what is in sight alone, so they are given rows and the lines of branches, not strokes row by row.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from plait.common.queries.exchanges import ExchangeSummary
from plait.dashboard.islands.context import Context, context_of
from plait.dashboard.islands.folding import key_of
from plait.dashboard.islands.texts import one_line
from plait.dashboard.islands.tree import MAIN, Drawing, Row, Tree
from plait.dashboard.islands.words import Clock, money, short, short_model, span

_COLOURS: Final = 7
_BAD: Final = frozenset({"failed", "interrupted", "rejected"})
_SAID: Final = {
    "branch": "branch",
    "fork": "fork",
    "spawn": "sub-task",
    "resume_agent": "agent resumed",
    "compact": "compaction",
    "after_compaction": "after compaction",
    "retry": "retry",
    "interrupted": "after a cut",
}
_NUMBERS: Final = frozenset({"branch", "parent"})
"""Of a row: 0 is the first of them. What else is empty is left out: there are thousands of rows."""

Address = Callable[[str], str]
"""The address of this page with the run of that key unfolded."""


@dataclass(frozen=True)
class Seen:
    """How rows are told: who reads, and what is known about exchanges beside themselves."""

    clock: Clock
    kinds: Mapping[str, str]
    """Branch → main, user, subtask or compact."""
    asked: Collection[UUID]
    """Exchanges that a person began."""
    tool_errors: Mapping[UUID, int]
    """Results of tools that were errors, by the request that brought them."""
    unfold: Address


def colours(branches: Sequence[str]) -> Callable[[str], int]:
    """The colour's number of a branch: 0 is main's, the others take turns."""
    numbers = {branch: n % _COLOURS + 1 for n, branch in enumerate(b for b in branches if b != MAIN)}
    return lambda branch: numbers.get(branch, 0)


def draw(tree: Tree, seen: Seen, colour: Callable[[str], int]) -> dict[str, Any]:
    """Rows in time order, branches, and their lines in the list and on the map."""
    numbers = {branch: n for n, branch in enumerate(tree.listed.lines)}
    near = {row.branch: row.first.timestamp for row in reversed(tree.rows)}
    return {
        "rows": [_row(row, numbers[row.branch], seen) for row in tree.rows],
        "branches": [
            {
                "name": seen.clock.branch(name, near[name]),
                "colour": colour(name),
                "kind": seen.kinds.get(name, "main"),
                "lane": tree.mapped.lines[name].lane,
            }
            for name in numbers
        ],
        "list": _lines(tree.listed, numbers),
        "map": _lines(tree.mapped, numbers),
        "zone": seen.clock.zone.key,
    }


def _lines(drawing: Drawing, numbers: Mapping[str, int]) -> dict[str, Any]:
    """Of each branch: its number, lane, first and last place, and place and lane that it leaves from, if it does."""
    lines = drawing.lines
    return {
        "lanes": drawing.lanes,
        "lines": [
            [numbers[one.branch], one.lane, one.first, one.last]
            + ([one.fork, lines[one.parent].lane] if one.fork is not None and one.parent else [])
            for one in lines.values()
        ],
    }


def _row(row: Row, branch: int, seen: Seen) -> dict[str, Any]:
    first, last = row.first, row.last
    run = len(row.exchanges)
    values = {
        "href": f"/request?id={first.request_id}" if run == 1 else seen.unfold(key_of(row.exchanges)),
        "text": one_line(first.preview or first.path) if run == 1 else _told(row.exchanges),
        "branch": branch,
        "parent": row.parent,
        "depth": row.depth,
        "opens": row.opens and seen.kinds.get(row.branch, "main") != "main",
        "run": run if run > 1 else 0,
        "who": _who(row, seen),
        "state": _state(row, seen),
        "badge": _badge(row, seen),
        "tokens": _short(sum(one.total_tokens for one in row.exchanges)),
        "context": _bar(context_of(_prompt(last), last.model)),
        "took": span(sum(one.duration_ms or 0.0 for one in row.exchanges)) if run > 1 else _took(first),
        "at": first.timestamp.timestamp() * 1000,
        "until": last.timestamp.timestamp() * 1000 if run > 1 else 0,
        **(_facts(first) if run == 1 else {}),
    }
    return {name: value for name, value in values.items() if value or (name in _NUMBERS and value is not None)}


def _facts(one: ExchangeSummary) -> dict[str, Any]:
    """What the tooltip tells beside the row."""
    return {
        "id": str(one.request_id),
        "model": short_model(one.model),
        "used": [one.input_tokens, one.cache_read_input_tokens, one.cache_creation_input_tokens, one.output_tokens]
        if one.total_tokens
        else None,
        "cost": None if one.cost_usd is None else money(one.cost_usd),
        "messages": one.message_count,
        "error": f"{one.error.type}: {one.error.message}" if one.error else "",
    }


def _told(run: Sequence[ExchangeSummary]) -> str:
    return f"{len(run)} tool turns · {one_line(run[-1].preview or run[-1].path)}"


def _who(row: Row, seen: Seen) -> str:
    """What stands before the text: a person, a sub-task, a compaction, a side call, or nothing for a tool's turn."""
    one = row.first
    if row.side:
        return "side"
    if one.kind == "compaction":
        return "compact"
    if one.link_kind == "spawn":
        return "subtask"
    return "person" if one.request_id in seen.asked else ""


def _state(row: Row, seen: Seen) -> str:
    if row.last.outcome is None:
        return "running"
    return "bad" if any(one.outcome in _BAD or one.request_id in seen.tool_errors for one in row.exchanges) else ""


def _badge(row: Row, seen: Seen) -> list[list[str]] | None:
    """Words and their colours: how it ended, if not well, and how it hangs on its parent, if not as the next turn."""
    one = row.first
    found: list[list[str]] = []
    if one.outcome is None:
        found.append(["running", ""])
    elif one.outcome != "complete":
        status = f" {one.status}" if one.outcome == "failed" and one.status else ""
        found.append([f"{one.outcome}{status}", "warn" if one.outcome == "aborted" else "bad"])
    errors = sum(seen.tool_errors.get(each.request_id, 0) for each in row.exchanges)
    if errors:
        found.append(["tool error" if errors == 1 else f"{errors} tool errors", "bad"])
    if row.side:
        found.append([(one.side_kind or one.kind or "side call").replace("_", " "), ""])
    elif one.link_kind in _SAID and not row.opens:
        found.append([_SAID[one.link_kind], "warn" if one.link_kind in ("retry", "interrupted") else ""])
    return found or None


def _bar(context: Context | None) -> list[Any] | None:
    return None if context is None else [round(context.share, 3), context.level, context.told]


def _prompt(one: ExchangeSummary) -> int:
    return one.total_tokens - one.output_tokens


def _short(tokens: int) -> str:
    return short(tokens) if tokens else ""


def _took(one: ExchangeSummary) -> str:
    return "" if one.duration_ms is None else span(one.duration_ms)
