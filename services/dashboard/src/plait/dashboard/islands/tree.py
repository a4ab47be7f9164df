"""The tree of a conversation as rows and lanes, the way `git log --graph` draws history. Plain data in and out.

Every exchange is in exactly one row; a row holds one, or a run of quiet tool turns folded into one. A branch has a lane
from the place where it leaves its parent to its last row; no two branches whose stretches touch share a lane; a branch
is on the right of the one it left; lanes are used again when a branch has ended.

Rows have two places: in the list, one below the other in time order, and on the map, where a row stands one below its
parent, so that branches that ran one after the other stand side by side.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from plait.common.queries.exchanges import ExchangeSummary

MAIN: Final = "main"

Run = Sequence[ExchangeSummary]
"""What one row holds, oldest first."""


@dataclass
class Line:
    """The line of a branch: its lane, and from where to where it is drawn.

    Places count rows in the list, and steps from the root on the map.
    """

    branch: str
    first: int
    """Where its first row stands."""
    last: int
    fork: int | None = None
    """Where its parent's row stands, if it leaves another branch."""
    parent: str | None = None
    lane: int = 0

    @property
    def start(self) -> int:
        """From here on its lane is taken."""
        return self.first if self.fork is None else self.fork


@dataclass(frozen=True)
class Row:
    """One exchange, or a run of them."""

    exchanges: tuple[ExchangeSummary, ...]
    branch: str
    parent: int | None
    """The number of the row that it follows."""
    depth: int
    """Steps from the root: its place on the map."""
    opens: bool
    """The first of its branch."""

    @property
    def first(self) -> ExchangeSummary:
        """The oldest of its exchanges."""
        return self.exchanges[0]

    @property
    def last(self) -> ExchangeSummary:
        """The newest of its exchanges."""
        return self.exchanges[-1]

    @property
    def side(self) -> bool:
        """Whether it is a side call, which hangs on the branch that it served."""
        return is_side(self.first)


@dataclass(frozen=True)
class Drawing:
    """The lines of all branches by name, in order of appearance, and how many lanes they need."""

    lines: dict[str, Line]
    lanes: int


@dataclass(frozen=True)
class Tree:
    """All rows in time order, and the lines between them as a list and as a map."""

    rows: tuple[Row, ...]
    listed: Drawing
    mapped: Drawing


def lay_out(runs: Sequence[Run]) -> Tree:
    """The tree of runs that are given in the time order of their first exchanges.

    Parents that are not among them are not drawn.
    """
    rows = _rows(runs)
    return Tree(rows, _draw(rows, list(range(len(rows)))), _draw(rows, [row.depth for row in rows]))


def is_side(exchange: ExchangeSummary) -> bool:
    """Whether it only hangs on the tree: a title, a count, a classifier."""
    return exchange.link_kind is None


def branches_of(exchanges: Iterable[ExchangeSummary]) -> dict[UUID, str]:
    """Each exchange's branch; a side call's is that of the exchange it served."""
    given = list(exchanges)
    own = {e.request_id: e.branch_id for e in given if not is_side(e)}
    return {e.request_id: own.get(_anchor(e)) or e.branch_id or MAIN for e in given}


def _anchor(exchange: ExchangeSummary) -> UUID:
    return exchange.serves_request_id or exchange.request_id if is_side(exchange) else exchange.request_id


def _rows(runs: Sequence[Run]) -> tuple[Row, ...]:
    branches = branches_of(e for run in runs for e in run)
    numbers = {e.request_id: n for n, run in enumerate(runs) for e in run}
    made: list[Row] = []
    reached: dict[str, int] = {}
    for n, run in enumerate(runs):
        branch = branches[run[0].request_id]
        parent = _number_of_parent(run[0], numbers, n)
        below = [made[parent].depth] if parent is not None else []
        depth = max([*below, reached.get(branch, -1)], default=-1) + 1
        made.append(Row(tuple(run), branch, parent, depth, branch not in reached))
        reached[branch] = depth
    return tuple(made)


def _number_of_parent(exchange: ExchangeSummary, numbers: Mapping[UUID, int], own: int) -> int | None:
    above = exchange.serves_request_id if is_side(exchange) else exchange.parent_request_id
    found = numbers.get(above) if above else None
    return found if found is not None and found < own else None


def _draw(rows: Sequence[Row], places: Sequence[int]) -> Drawing:
    lines: dict[str, Line] = {}
    for row, place in zip(rows, places, strict=True):
        line = lines.setdefault(row.branch, Line(row.branch, place, place))
        line.last = max(line.last, place)
        if row.parent is None or row.side or line.parent is not None or rows[row.parent].branch == row.branch:
            continue
        line.fork, line.parent = min(places[row.parent], line.first), rows[row.parent].branch
    return Drawing(lines, _assign_lanes(lines))


def _assign_lanes(lines: Mapping[str, Line]) -> int:
    """Give each the leftmost free lane on the right of its parent's; returns how many lanes there are."""
    live: list[Line] = []
    lanes = 0
    for line in sorted(lines.values(), key=lambda one: (one.start, one.first)):
        live = [one for one in live if one.last >= line.start]
        taken = {one.lane for one in live}
        line.lane = lines[line.parent].lane + 1 if line.parent else 0
        while line.lane in taken:
            line.lane += 1
        live.append(line)
        lanes = max(lanes, line.lane + 1)
    return max(lanes, 1)
