"""Cards of the time line."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from plait.common.queries.said import Said
from plait.dashboard.islands.cards import card, sub_tasks
from plait.dashboard.islands.tree import branches_of
from tests.unit.dashboard.exchanges import exchange, number


def said(asked: Any = None, answered: Any = None) -> Said:
    return Said(
        asked={"role": "user", "content": asked} if asked is not None else None,
        answered={"role": "assistant", "content": answered} if answered is not None else None,
    )


def test_a_prompt_is_told_without_reminders_and_longer_than_its_preview() -> None:
    long = "Why does it fail? " * 30
    told = card(
        exchange(0), "main", True, said([{"type": "text", "text": f"<system-reminder>x</system-reminder>{long}"}]), []
    )
    assert told.prompt == long.strip()


def test_a_very_long_prompt_is_cut() -> None:
    assert len(card(exchange(0), "main", True, said("x" * 5000), []).prompt) < 800


def test_tools_are_short_lines_and_errors_their_first_line() -> None:
    result = {"type": "tool_result", "tool_use_id": "t", "is_error": True, "content": "\nE  torn tail\nmore"}
    call = {"type": "tool_use", "name": "Bash", "input": {"command": "make test"}}
    told = card(exchange(1, 0), "main", False, said([result], [{"type": "text", "text": "Again."}, call]), [])
    assert (told.prompt, told.errors, told.answer) == ("turn 1", ["E  torn tail"], "Again.")
    assert told.calls == [("Bash", "make test")]


def test_many_calls_are_counted() -> None:
    calls = [{"type": "tool_use", "name": "Read", "input": {"file_path": str(n)}} for n in range(11)]
    told = card(exchange(0), "main", True, said("Read all.", calls), [])
    assert (len(told.calls), told.more_calls) == (8, 3)


def test_what_was_not_kept_leaves_the_preview() -> None:
    told = card(exchange(0), "main", True, said(), [])
    assert (told.prompt, told.answer, told.calls) == ("turn 0", "", [])


@given(st.recursive(st.none() | st.integers() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)))
def test_any_message_makes_a_card(value: Any) -> None:
    card(exchange(0), "main", True, Said(asked=value, answered=value), [])
    card(exchange(0), "main", True, said(value, [value]), [])
    block = {"type": "tool_use", "name": value, "input": value, "is_error": value, "content": value}
    card(exchange(0), "main", True, said([{**block, "type": "tool_result"}], [block]), [])


def test_sub_tasks_stand_below_who_called_them_and_within_each_other() -> None:
    inside = {"link_kind": "spawn", "is_subtask": True}
    turns = [
        exchange(0, tool_call_count=1),
        exchange(1, 0, "subtask_1", **inside),
        exchange(2, 1, "subtask_1", is_subtask=True, outcome="failed"),
        exchange(3, 1, "subtask_2", **inside, outcome=None),
        exchange(4, 0),
    ]
    (task,) = sub_tasks(turns, branches_of(turns))[number(0)]
    assert (task.branch, len(task.steps), task.failed, task.running) == ("subtask_1", 2, 1, False)
    (nested,) = task.inner
    assert (nested.branch, nested.running) == ("subtask_2", True)
    assert sub_tasks(turns, branches_of(turns))[number(1)] == [nested]
