"""The tree's rows and lanes, as a list and as a map; folded and not."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from plait.common.queries.exchanges import ExchangeSummary
from plait.dashboard.islands.folding import fold, heads, key_of
from plait.dashboard.islands.tree import Drawing, Tree, lay_out
from tests.unit.dashboard.exchanges import exchange, number


@st.composite
def conversations(draw: st.DrawFn) -> list[ExchangeSummary]:
    """Any tree: each exchange goes on from an earlier one, on its branch or on a new one; some are side calls."""
    made = [exchange(0, tool_call_count=1)]
    branches = 1
    for n in range(1, draw(st.integers(1, 40))):
        parent = draw(st.integers(0, n - 1))
        calls = draw(st.integers(0, 2))
        if draw(st.integers(0, 5)) == 0:
            made.append(exchange(n, link_kind=None, serves_request_id=number(parent)))
            continue
        turns = [m for m in range(n) if made[m].link_kind is not None]
        parent = turns[parent % len(turns)]
        newest = max(m for m in turns if made[m].branch_id == made[parent].branch_id)
        if parent == newest and draw(st.integers(0, 3)):
            made.append(exchange(n, parent, str(made[parent].branch_id), tool_call_count=calls))
        else:
            made.append(exchange(n, parent, f"branch_{branches}", link_kind="branch", tool_call_count=calls))
            branches += 1
    return made


def singles(exchanges: Sequence[ExchangeSummary]) -> list[list[ExchangeSummary]]:
    return [[one] for one in exchanges]


def both(exchanges: Sequence[ExchangeSummary]) -> list[Tree]:
    """The tree with every exchange by itself, and folded."""
    return [lay_out(singles(exchanges)), lay_out(fold(exchanges))]


def drawings(tree: Tree) -> list[tuple[Drawing, list[int]]]:
    """List and map, each with the places of its rows."""
    return [(tree.listed, list(range(len(tree.rows)))), (tree.mapped, [row.depth for row in tree.rows])]


@given(conversations())
@settings(max_examples=40)
def test_every_exchange_is_in_exactly_one_row(exchanges: list[ExchangeSummary]) -> None:
    for tree in both(exchanges):
        told = [one.request_id for row in tree.rows for one in row.exchanges]
        assert sorted(told) == sorted(e.request_id for e in exchanges)
        starts = [row.first.timestamp for row in tree.rows]
        assert starts == sorted(starts)


@given(conversations())
@settings(max_examples=40)
def test_no_two_live_branches_share_a_lane(exchanges: list[ExchangeSummary]) -> None:
    for tree in both(exchanges):
        for drawing, _ in drawings(tree):
            lines = sorted(drawing.lines.values(), key=lambda line: (line.lane, line.start))
            for one, after in pairwise(lines):
                assert one.lane != after.lane or one.last < after.start


@given(conversations())
@settings(max_examples=40)
def test_a_branch_is_on_the_right_of_the_one_it_left(exchanges: list[ExchangeSummary]) -> None:
    for tree in both(exchanges):
        for drawing, _ in drawings(tree):
            for row in tree.rows:
                above = None if row.parent is None else tree.rows[row.parent]
                if above and above.branch != row.branch and not row.side:
                    assert drawing.lines[row.branch].lane > drawing.lines[above.branch].lane


@given(conversations())
@settings(max_examples=40)
def test_a_line_reaches_from_its_parent_to_its_last_row(exchanges: list[ExchangeSummary]) -> None:
    for tree in both(exchanges):
        for drawing, places in drawings(tree):
            for branch, line in drawing.lines.items():
                own = [place for row, place in zip(tree.rows, places, strict=True) if row.branch == branch]
                assert (line.first, line.last) == (own[0], max(own))
                assert line.start <= line.first


@given(conversations())
@settings(max_examples=40)
def test_no_two_rows_stand_in_one_place_of_the_map(exchanges: list[ExchangeSummary]) -> None:
    for tree in both(exchanges):
        places = [(tree.mapped.lines[row.branch].lane, row.depth) for row in tree.rows]
        assert len(set(places)) == len(places)
        for row in tree.rows:
            assert row.parent is None or tree.rows[row.parent].depth < row.depth


@given(conversations())
@settings(max_examples=40)
def test_lanes_are_counted(exchanges: list[ExchangeSummary]) -> None:
    for tree in both(exchanges):
        for drawing, _ in drawings(tree):
            assert drawing.lanes == 1 + max(line.lane for line in drawing.lines.values())
            assert set(drawing.lines) == {row.branch for row in tree.rows}


@given(conversations())
@settings(max_examples=40)
def test_a_folded_run_hides_no_prompt_no_fork_and_no_end(exchanges: list[ExchangeSummary]) -> None:
    left = {e.parent_request_id for e in exchanges if e.link_kind == "branch"}
    calling = {e.request_id for e in exchanges if e.tool_call_count}
    tips = {e.branch_id: e.request_id for e in exchanges if e.link_kind}
    for run in fold(exchanges):
        assert len({one.branch_id for one in run}) == 1
        for one in run if len(run) > 1 else []:
            assert one.parent_request_id in calling
            assert one.request_id not in left | set(tips.values())


def test_a_fork_leaves_from_the_lane_of_its_parent() -> None:
    task = exchange(2, 0, "subtask_1", link_kind="spawn")
    tree = lay_out(singles([exchange(0), exchange(1, 0), task, exchange(3, 1)]))
    assert [row.opens for row in tree.rows] == [True, False, True, False]
    listed, mapped = tree.listed.lines["subtask_1"], tree.mapped.lines["subtask_1"]
    assert (listed.lane, listed.fork, listed.first, listed.last) == (1, 0, 2, 2)
    assert (mapped.lane, mapped.fork, mapped.first, mapped.last) == (1, 0, 1, 1)


def test_lanes_are_used_again_when_their_branches_have_ended() -> None:
    """162 branches, some within others, up to four at a time: a handful of lanes."""
    turns = [exchange(0)]
    trunk = 0
    for n in range(161):
        at = len(turns)
        inside = n % 3 == 2
        parent = at - 1 if inside else trunk
        turns.append(exchange(at, parent, f"subtask_{n}", link_kind="spawn"))
        if n % 3 == 2:
            turns.append(exchange(at + 1, trunk))
            trunk = at + 1
    tree = lay_out(singles(turns))
    assert len(tree.listed.lines) == 162
    assert tree.listed.lanes <= 10
    assert tree.mapped.lanes <= 10


def test_a_side_call_stands_on_the_branch_it_served() -> None:
    served = [exchange(0), exchange(1, 0, "subtask_1", link_kind="spawn"), exchange(2, 0)]
    tree = lay_out(singles([*served, exchange(3, link_kind=None, branch_id=None, serves_request_id=number(1))]))
    row = tree.rows[3]
    assert (row.branch, row.side, row.parent, row.depth) == ("subtask_1", True, 1, 2)


def test_attempts_with_one_parent_stand_below_each_other_on_the_map() -> None:
    failed = exchange(1, 0, outcome="failed")
    tree = lay_out(singles([exchange(0), failed, exchange(2, 0, link_kind="retry")]))
    assert [row.depth for row in tree.rows] == [0, 1, 2]


def test_a_parent_that_is_not_shown_leaves_no_line() -> None:
    tree = lay_out(singles([exchange(5, 2, "subtask_1"), exchange(6, 5, "subtask_1")]))
    line = tree.listed.lines["subtask_1"]
    assert (line.lane, line.fork, line.parent) == (0, None, None)


def test_nothing_makes_no_rows() -> None:
    assert lay_out([]).rows == ()


def tool_turns(count: int) -> list[ExchangeSummary]:
    """A prompt, so many turns that bring results of tools, and the last answer."""
    return [exchange(n, n - 1 if n else None, tool_call_count=1) for n in range(count + 2)]


def test_quiet_tool_turns_are_one_row() -> None:
    turns = tool_turns(5)
    assert [len(run) for run in fold(turns)] == [1, 5, 1]


def test_a_run_can_be_unfolded_alone() -> None:
    turns = tool_turns(5)
    key = key_of(turns[1:6])
    assert [len(run) for run in fold(turns, {key})] == [1] * 7
    assert heads(turns, {key, "nonsense"}) == {key}


def test_a_turn_alone_is_not_folded() -> None:
    assert [len(run) for run in fold(tool_turns(1))] == [1, 1, 1]


def test_what_went_wrong_is_never_folded() -> None:
    turns = tool_turns(6)
    turns[3] = exchange(3, 2, tool_call_count=1, outcome="interrupted")
    assert [len(run) for run in fold(turns)] == [1, 2, 1, 1, 2, 1]


def test_a_turn_that_called_a_sub_task_stays() -> None:
    turns = [*tool_turns(5), exchange(7, 3, "subtask_1", link_kind="spawn")]
    assert [len(run) for run in fold(turns)] == [1, 2, 1, 2, 1, 1]


def test_side_calls_do_not_break_a_run() -> None:
    turns = tool_turns(5)
    title = exchange(7, link_kind=None, serves_request_id=number(2))
    assert [len(run) for run in fold([*turns[:3], title, *turns[3:]])] == [1, 5, 1, 1]
