"""The tree of a conversation as rows and lanes, the way `git log --graph` draws history. Plain data in and out.

Every exchange is in exactly one row. A branch has a lane from the row it leaves its parent in to its last row; no two
branches whose stretches touch share a lane; a branch is on the right of the one it left; lanes are used again when a
branch has ended.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from plait.common.queries.exchanges import ExchangeSummary

MAIN: Final = "main"


@dataclass(frozen=True)
class Stroke:
    """A line in one row: of which branch, in which lane, through which half.

    `top` and `bottom` are the halves it passes; `fork_from` is the parent's lane where the branch leaves it.
    """

    branch: str
    lane: int
    top: bool
    bottom: bool
    fork_from: int | None = None


@dataclass(frozen=True)
class Row:
    """One exchange, its lane, and every line that crosses its row."""

    exchange: ExchangeSummary
    branch: str
    lane: int
    side: bool
    """A side call: it hangs on the branch that it served, beside the line of turns."""
    opens: bool
    """The first of its branch."""
    strokes: tuple[Stroke, ...]


@dataclass(frozen=True)
class Tree:
    """All rows in time order, how many lanes they need, and each branch's number in order of appearance."""

    rows: tuple[Row, ...]
    lanes: int
    numbers: dict[str, int]


@dataclass
class _Stretch:
    """A branch's rows: where it leaves its parent (if it does), its first and its last."""

    branch: str
    first: int
    last: int
    fork: int | None = None
    parent: str | None = None
    lane: int = field(default=0)

    @property
    def start(self) -> int:
        return self.first if self.fork is None else self.fork


def lay_out(exchanges: Sequence[ExchangeSummary]) -> Tree:
    """The tree of exchanges that are given in time order; parents that are not among them are not drawn."""
    branches = _branches(exchanges)
    stretches = _stretches(exchanges, branches)
    lanes = _assign_lanes(stretches.values())
    strokes = _strokes(stretches, len(exchanges))
    rows = tuple(
        Row(e, branch, stretches[branch].lane, is_side(e), n == stretches[branch].first, tuple(strokes[n]))
        for n, (e, branch) in enumerate(zip(exchanges, branches, strict=True))
    )
    return Tree(rows, lanes, {branch: n for n, branch in enumerate(stretches)})


def is_side(exchange: ExchangeSummary) -> bool:
    """Whether it only hangs on the tree: a title, a count, a classifier."""
    return exchange.link_kind is None


def _branches(exchanges: Sequence[ExchangeSummary]) -> list[str]:
    """Each row's branch; a side call's is that of the exchange it served."""
    own = {e.request_id: e.branch_id for e in exchanges if not is_side(e)}
    return [(own.get(_anchor(e)) or e.branch_id or MAIN) for e in exchanges]


def _anchor(exchange: ExchangeSummary) -> UUID:
    return exchange.serves_request_id or exchange.request_id if is_side(exchange) else exchange.request_id


def _stretches(exchanges: Sequence[ExchangeSummary], branches: Sequence[str]) -> dict[str, _Stretch]:
    rows = {e.request_id: n for n, e in enumerate(exchanges)}
    found: dict[str, _Stretch] = {}
    for n, (exchange, branch) in enumerate(zip(exchanges, branches, strict=True)):
        stretch = found.setdefault(branch, _Stretch(branch, n, n))
        stretch.last = n
        parent = rows.get(exchange.parent_request_id) if exchange.parent_request_id else None
        if stretch.parent is None and parent is not None and parent < n and branches[parent] != branch:
            stretch.fork, stretch.parent = min(parent, stretch.first), branches[parent]
    return found


def _assign_lanes(stretches: Iterable[_Stretch]) -> int:
    """Give each the leftmost free lane on the right of its parent's; returns how many lanes there are."""
    placed: dict[str, _Stretch] = {}
    for stretch in sorted(stretches, key=lambda s: (s.start, s.first)):
        parent = placed.get(stretch.parent) if stretch.parent else None
        lane = parent.lane + 1 if parent else 0
        taken = {s.lane for s in placed.values() if s.start <= stretch.last and stretch.start <= s.last}
        while lane in taken:
            lane += 1
        stretch.lane = lane
        placed[stretch.branch] = stretch
    return max((s.lane for s in placed.values()), default=0) + 1


def _strokes(stretches: Mapping[str, _Stretch], rows: int) -> list[list[Stroke]]:
    """The lines of every row: work is in proportion to the lines drawn, not to rows times branches."""
    drawn: list[list[Stroke]] = [[] for _ in range(rows)]
    for stretch in stretches.values():
        if stretch.start == stretch.last:
            continue
        for n in range(stretch.start, stretch.last + 1):
            drawn[n].append(_stroke(n, stretch, stretches))
    return drawn


def _stroke(n: int, stretch: _Stretch, stretches: Mapping[str, _Stretch]) -> Stroke:
    if n == stretch.fork and stretch.parent:
        return Stroke(stretch.branch, stretch.lane, top=False, bottom=True, fork_from=stretches[stretch.parent].lane)
    return Stroke(stretch.branch, stretch.lane, top=n > stretch.start, bottom=n < stretch.last)
