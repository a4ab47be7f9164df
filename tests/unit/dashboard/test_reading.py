"""A way through a conversation as one text."""

from __future__ import annotations

from typing import Any

from plait.common.queries.exchanges import ExchangeSummary
from plait.common.queries.transcript import Turn
from plait.dashboard.islands.reading import passages, way_to
from tests.unit.dashboard.exchanges import exchange, number


def turn(one: ExchangeSummary, messages: list[Any], answer: Any = None) -> Turn:
    return Turn(exchange=one, system=None, messages=messages, body=None, answer=answer)


def test_a_way_goes_through_the_branches_that_led_there() -> None:
    turns = [exchange(0), exchange(1, 0), exchange(2, 0, "branch_1", link_kind="branch"), exchange(3, 2, "branch_1")]
    assert way_to(turns[3], turns) == [turns[0], turns[2], turns[3]]


def test_a_sub_task_is_read_from_its_own_beginning() -> None:
    turns = [exchange(0), exchange(1, 0, "subtask_1", link_kind="spawn"), exchange(2, 1, "subtask_1")]
    assert way_to(turns[2], turns) == turns[1:]


def test_a_way_ends_where_a_parent_is_not_known() -> None:
    assert way_to(exchange(3, 2), []) == [exchange(3, 2)]


def test_messages_have_their_place_in_their_own_exchange() -> None:
    asked = {"role": "user", "content": "And then?"}
    answer = {"role": "assistant", "content": [{"type": "text", "text": "Nothing."}]}
    told = passages([turn(exchange(4, message_count=7), [asked], answer)], first=5)
    assert [one.number for one in told] == [5]
    first, second = told[0].messages
    assert 'data-text="request.messages.6"' in first
    assert 'data-text="answer"' in second
    assert told[0].answered


def test_a_result_in_a_later_turn_finds_its_call() -> None:
    call = {"type": "tool_use", "id": "t1", "name": "Bash", "input": {"command": "make"}}
    result = {"type": "tool_result", "tool_use_id": "t1", "content": "done"}
    told = passages(
        [
            turn(exchange(0), [{"role": "user", "content": "Go."}], {"content": [call]}),
            turn(exchange(1, 0, message_count=3), [{"role": "user", "content": [result]}]),
        ],
        first=1,
    )
    assert "Bash result" in told[1].messages[0]
    assert 'data-jump="m2"' in told[1].messages[0]
    assert not told[1].answered


def test_what_is_kept_is_as_it_was_drawn() -> None:
    turns = [
        turn(exchange(0, request_id=number(77)), [{"role": "user", "content": "a\x00b <!-- c -->"}], {"content": "x"})
    ]
    assert passages(turns, 1) == passages(turns, 1)
    assert len(passages(turns, 1)[0].messages) == 2


def test_nothing_is_no_passage() -> None:
    assert passages([], 1) == []
