"""How the tree's lanes and nodes look: paths in a picture that is one unit a lane wide and 100 high for every row."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from plait.dashboard.islands.tree import MAIN, Row, Stroke, Tree

_COLOURS: Final = 7
_WIDEST: Final = 14.0
_BAD: Final = frozenset({"failed", "interrupted", "rejected"})


def colours(tree: Tree) -> Callable[[str], int]:
    """The colour's number of a branch: 0 is main's, the others take turns."""
    others = [branch for branch in tree.numbers if branch != MAIN]
    numbers = {branch: n % _COLOURS + 1 for n, branch in enumerate(others)}
    return lambda branch: numbers.get(branch, 0)


def gutter(lanes: int) -> float:
    """The width of all lanes, rem: narrower lanes where there are many."""
    return min(lanes * 1.15 + 0.6, _WIDEST)


def line(stroke: Stroke) -> str:
    """The path of a stroke within its row."""
    x = stroke.lane + 0.5
    if stroke.fork_from is not None:
        parent = stroke.fork_from + 0.5
        return f"M{parent} 50C{parent} 85 {x} 65 {x} 100"
    return f"M{x} {0 if stroke.top else 50}V{100 if stroke.bottom else 50}"


def node(row: Row) -> str:
    """The classes of a row's node."""
    exchange = row.exchange
    shape = "side" if row.side else "compact" if exchange.kind == "compaction" else ""
    state = "running" if exchange.outcome is None else "bad" if exchange.outcome in _BAD else ""
    return " ".join(filter(None, (shape, state)))
