"""Session files: a recorded conversation as Claude Code's own transcript."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plait.common.session_file import NO_RESULT, records

NAME = UUID(int=7)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(["user", "assistant", "text", "tool_use", "thinking"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(
        st.sampled_from(["role", "content", "type", "text", "id", "signature"]), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip
BEGAN = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
CALL = {"type": "tool_use", "id": "toolu_1", "name": "Bash", "input": {"command": "ls"}}


def file_of(messages: list[Any], answer: Any = None) -> list[dict[str, Any]]:
    return list(records(messages, answer, model="claude-x", session_id=NAME, folder="/home/me/x", began=BEGAN))


def told(messages: list[Any], answer: Any = None) -> list[tuple[str, Any]]:
    return [(one["type"], one["message"]["content"]) for one in file_of(messages, answer)]


def answer_of(*content: Any) -> dict[str, Any]:
    counts = {"input_tokens": 3, "output_tokens": 4}
    return {"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-y", "content": list(content),
            "stop_reason": "end_turn", "stop_sequence": None, "usage": counts}  # fmt: skip


def test_each_record_points_at_the_one_before() -> None:
    found = file_of([{"role": "user", "content": "hi"}], answer_of({"type": "text", "text": "hello"}))
    assert [one["parentUuid"] for one in found] == [None, found[0]["uuid"]]
    assert {(one["sessionId"], one["cwd"], one["isSidechain"]) for one in found} == {(str(NAME), "/home/me/x", False)}
    assert [one["timestamp"] for one in found] == ["2026-11-21T12:00:00.000Z", "2026-11-21T12:00:00.001Z"]
    assert found[1]["message"] == answer_of({"type": "text", "text": "hello"})


def test_answers_of_the_history_get_what_a_request_does_not_tell() -> None:
    history = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": [CALL]}]
    message = file_of(history)[1]["message"]
    assert message["id"].startswith("msg_")
    assert (message["model"], message["stop_reason"], message["type"]) == ("claude-x", "tool_use", "message")
    assert message["usage"] == {"input_tokens": 0, "output_tokens": 0}


@pytest.mark.parametrize(
    ("content", "kept"),
    [
        ("<system-reminder>a</system-reminder>", None),
        ([{"type": "text", "text": "<system-reminder>a</system-reminder>"}, {"type": "text", "text": "b"}],
         [{"type": "text", "text": "b"}]),
        ([{"type": "text", "text": "b", "cache_control": {"type": "ephemeral"}}], [{"type": "text", "text": "b"}]),
        ([{"type": "tool_result", "tool_use_id": "t", "content": "r\n<system-reminder>a</system-reminder>"}],
         [{"type": "tool_result", "tool_use_id": "t", "content": "r"}]),
        ([{"type": "image", "source": {"data": "x"}}], [{"type": "image", "source": {"data": "x"}}]),
        (None, None),
        ([7], None),
    ],
)  # fmt: skip
def test_what_the_client_adds_itself_is_left_out(content: Any, kept: Any) -> None:
    assert told([{"role": "user", "content": content}]) == ([] if kept is None else [("user", kept)])


def test_system_messages_are_left_out() -> None:
    assert told([{"role": "system", "content": "env"}, {"role": "user", "content": "hi"}, "nonsense"]) == [
        ("user", "hi")
    ]


def test_calls_at_the_end_get_a_result() -> None:
    found = told([{"role": "user", "content": "hi"}], answer_of(CALL))
    assert found[2] == (
        "user", [{"type": "tool_result", "tool_use_id": "toolu_1", "content": NO_RESULT, "is_error": True}]
    )  # fmt: skip


def test_what_broke_off_is_left_out() -> None:
    broken = answer_of(
        {"type": "thinking", "thinking": "hm", "signature": ""},
        {"type": "text", "text": "I beg"},
        {**CALL, "input": {}, "partial_json": '{"comm'},
    )
    assert told([{"role": "user", "content": "hi"}], broken)[1:] == [("assistant", [{"type": "text", "text": "I beg"}])]


@pytest.mark.parametrize("answer", [None, "text", {"type": "error", "error": {}}, answer_of()])
def test_without_an_answer_it_ends_with_the_prompt(answer: Any) -> None:
    assert told([{"role": "user", "content": "hi"}], answer) == [("user", "hi")]


@given(st.lists(JSON, max_size=4), JSON)
def test_whatever_was_sent_makes_a_file(messages: list[Any], answer: Any) -> None:
    assert all(one["type"] in ("user", "assistant") and one["message"]["content"] for one in file_of(messages, answer))
