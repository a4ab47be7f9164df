"""The tree's rows and lanes."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from plait.common.queries.exchanges import ExchangeSummary
from plait.dashboard.islands import drawing
from plait.dashboard.islands.tree import Row, Stroke, Tree, lay_out
from tests.unit.dashboard.exchanges import exchange, number


@st.composite
def conversations(draw: st.DrawFn) -> list[ExchangeSummary]:
    """Any tree: each exchange goes on from an earlier one, on its branch or on a new one; some are side calls."""
    made = [exchange(0)]
    branches = 1
    for n in range(1, draw(st.integers(1, 40))):
        parent = draw(st.integers(0, n - 1))
        if draw(st.integers(0, 5)) == 0:
            made.append(exchange(n, link_kind=None, serves_request_id=number(parent)))
            continue
        turns = [m for m in range(n) if made[m].link_kind is not None]
        parent = turns[parent % len(turns)]
        newest = max(m for m in turns if made[m].branch_id == made[parent].branch_id)
        if parent == newest and draw(st.booleans()):
            made.append(exchange(n, parent, str(made[parent].branch_id)))
        else:
            made.append(exchange(n, parent, f"branch_{branches}", link_kind="branch"))
            branches += 1
    return made


@dataclass
class Reach:
    """The rows and the lane in which a branch is seen."""

    rows: set[int]
    lanes: set[int]


def reaches(tree: Tree) -> dict[str, Reach]:
    found: dict[str, Reach] = {}
    for n, row in enumerate(tree.rows):
        for branch, lane in [(row.branch, row.lane), *((s.branch, s.lane) for s in row.strokes)]:
            reach = found.setdefault(branch, Reach(set(), set()))
            reach.rows.add(n)
            reach.lanes.add(lane)
    return found


@given(conversations())
def test_every_exchange_has_exactly_one_row_in_time_order(exchanges: list[ExchangeSummary]) -> None:
    assert [r.exchange.request_id for r in lay_out(exchanges).rows] == [e.request_id for e in exchanges]


@given(conversations())
def test_no_two_live_branches_share_a_lane(exchanges: list[ExchangeSummary]) -> None:
    seen = list(reaches(lay_out(exchanges)).values())
    for n, one in enumerate(seen):
        assert len(one.lanes) == 1
        assert not any(one.lanes == other.lanes and one.rows & other.rows for other in seen[n + 1 :])


@given(conversations())
def test_a_branch_is_on_the_right_of_the_one_it_left(exchanges: list[ExchangeSummary]) -> None:
    tree = lay_out(exchanges)
    rows = {r.exchange.request_id: r for r in tree.rows}
    for row in tree.rows:
        parent = rows.get(row.exchange.parent_request_id) if row.exchange.parent_request_id else None
        if parent and parent.branch != row.branch:
            assert row.lane > parent.lane


@given(conversations())
def test_the_line_of_a_branch_has_no_gap(exchanges: list[ExchangeSummary]) -> None:
    tree = lay_out(exchanges)
    for branch, reach in reaches(tree).items():
        first, last = min(reach.rows), max(reach.rows)
        assert reach.rows == set(range(first, last + 1))
        for n in range(first, last):
            assert strokes(tree.rows[n], branch).bottom
            assert strokes(tree.rows[n + 1], branch).top


@given(conversations())
def test_lanes_are_counted(exchanges: list[ExchangeSummary]) -> None:
    tree = lay_out(exchanges)
    assert tree.lanes == 1 + max(lane for reach in reaches(tree).values() for lane in reach.lanes)
    assert set(tree.numbers) == {r.branch for r in tree.rows}


def strokes(row: Row, branch: str) -> Stroke:
    (found,) = [s for s in row.strokes if s.branch == branch]
    return found


def test_a_fork_leaves_from_the_lane_of_its_parent() -> None:
    tree = lay_out([exchange(0), exchange(1, 0), exchange(2, 0, "subtask_1", link_kind="spawn"), exchange(3, 1)])
    assert [r.lane for r in tree.rows] == [0, 0, 1, 0]
    assert [r.opens for r in tree.rows] == [True, False, True, False]
    assert strokes(tree.rows[0], "subtask_1") == Stroke("subtask_1", 1, top=False, bottom=True, fork_from=0)
    assert drawing.line(strokes(tree.rows[0], "subtask_1")) == "M0.5 50C0.5 85 1.5 65 1.5 100"
    assert drawing.line(strokes(tree.rows[1], "subtask_1")) == "M1.5 0V100"
    assert drawing.line(strokes(tree.rows[2], "subtask_1")) == "M1.5 0V50"


def test_a_lane_is_used_again_when_its_branch_has_ended() -> None:
    turns = [exchange(0)]
    for n in range(1, 200, 2):
        task = exchange(n + 1, n, f"subtask_{n}", link_kind="spawn")
        turns += [exchange(n, max(n - 2, 0)), task]
    assert lay_out(turns).lanes == 2


def test_a_side_call_stands_on_the_branch_it_served() -> None:
    served = [exchange(0), exchange(1, 0, "subtask_1", link_kind="spawn"), exchange(2, 0)]
    tree = lay_out([*served, exchange(3, link_kind=None, branch_id=None, serves_request_id=number(1))])
    assert (tree.rows[3].branch, tree.rows[3].side, tree.rows[3].lane) == ("subtask_1", True, 1)


def test_a_parent_that_is_not_shown_leaves_no_line() -> None:
    tree = lay_out([exchange(5, 2, "subtask_1"), exchange(6, 5, "subtask_1")])
    assert [r.lane for r in tree.rows] == [0, 0]
    assert strokes(tree.rows[0], "subtask_1").fork_from is None


def test_nothing_makes_no_rows() -> None:
    assert lay_out([]).rows == ()


def test_main_is_grey_and_the_others_take_turns_in_colour() -> None:
    tree = lay_out([exchange(0), *(exchange(n, 0, f"branch_{n}", link_kind="branch") for n in range(1, 9))])
    colour = drawing.colours(tree)
    assert colour("main") == 0
    assert [colour(f"branch_{n}") for n in range(1, 9)] == [1, 2, 3, 4, 5, 6, 7, 1]
