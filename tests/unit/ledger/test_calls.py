"""Tool calls of answers, and results that requests bring: what is new, once each, whatever stands there."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from plait.common.events import RequestData, ResponseData
from plait.ledger.calls import Lines, call_key, calls, results
from tests.exchange_events import answered, asked, said

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=3) | st.sampled_from(["tool_use", "tool_result"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["type", "id", "name", "input", "tool_use_id", "role", "content"]), inner)
    ),
    max_leaves=12,
)


def use(number: str, name: str = "Read", **given_: Any) -> dict[str, Any]:
    return {"type": "tool_use", "id": number, "name": name, "input": given_}


def result(number: str, **more: Any) -> dict[str, Any]:
    return {"type": "tool_result", "tool_use_id": number, "content": "ok", **more}


def answer(*blocks: Any) -> ResponseData:
    return answered(asked(said("user", "hi")), list(blocks))


def lines(name: str, **given_: Any) -> Lines | None:
    (call,) = calls(answer(use("t", name, **given_)))
    return call.lines


def test_an_answer_calls_each_once() -> None:
    found = answer({"type": "text", "text": "on it"}, use("a"), use("b", "Bash"), use("a"))
    assert [(call.key, call.tool) for call in calls(found)] == [
        (call_key(found, "a"), "Read"),
        (call_key(found, "b"), "Bash"),
    ]


def test_a_call_that_was_cut_off_is_none() -> None:
    assert calls(answer({**use("a"), "partial_json": '{"fi'}, {"type": "text", "text": '"tool_use"'})) == []


def test_a_request_brings_what_stands_behind_its_last_answer() -> None:
    request = asked(
        said("user", "hi"),
        said("assistant", [use("old")]),
        said("user", [result("old", is_error=True)]),
        said("assistant", [use("a"), use("b")]),
        said("user", [result("b", is_error=True), {"type": "text", "text": "and"}]),
        said("user", [result("a", is_error=False)]),
    )
    assert {(one.key, one.failed) for one in results(request)} == {
        (call_key(request, "a"), False),
        (call_key(request, "b"), True),
    }


def test_a_continued_thread_brings_only_news() -> None:
    request = asked(said("user", [result("a")]), thread={"type": "continue", "previous_message_id": "m"})
    assert [one.failed for one in results(request)] == [False]


def test_request_and_answer_name_a_call_alike_and_other_threads_otherwise() -> None:
    request = asked(said("user", [result("a")]))
    assert results(request)[0].key == call_key(answer(use("a")), "a")
    for other in (structs.replace(request, thread="x"), structs.replace(request, domain="b.test")):
        assert results(other)[0].key != results(request)[0].key


@pytest.mark.parametrize(
    ("name", "given_", "wanted"),
    [
        ("Edit", {"old_string": "a\nb\nc", "new_string": "a\nx\ny\nc"}, Lines(2, 1)),
        ("Edit", {"old_string": "a", "new_string": "a"}, Lines(0, 0)),
        ("Edit", {"old_string": "a\na", "new_string": "a\na\na"}, Lines(1, 0)),
        ("Edit", {"old_string": "gone\n", "new_string": ""}, Lines(0, 1)),
        ("Edit", {"old_string": 7}, Lines(0, 0)),
        ("Write", {"content": "a\nb\n"}, Lines(2, 0)),
        ("Write", {}, Lines(0, 0)),
        (
            "MultiEdit",
            {"edits": [{"old_string": "a", "new_string": "b\nc"}, {"old_string": "d", "new_string": ""}, 7]},
            Lines(2, 2),
        ),
        ("MultiEdit", {"edits": 7}, Lines(0, 0)),
        ("NotebookEdit", {"new_source": "a\nb"}, Lines(2, 0)),
        ("NotebookEdit", {"new_source": "a", "edit_mode": "delete"}, Lines(0, 0)),
        ("Bash", {"command": "ls"}, None),
    ],
)
def test_edits_tell_their_lines(name: str, given_: dict[str, Any], wanted: Lines | None) -> None:
    assert lines(name, **given_) == wanted


@given(st.lists(st.sampled_from("abc"), max_size=8), st.lists(st.sampled_from("abc"), max_size=8))
def test_what_is_added_and_removed_makes_up_the_difference(old: list[str], new: list[str]) -> None:
    found = lines("Edit", old_string="\n".join(old), new_string="\n".join(new))
    assert found
    assert found.added - found.removed == len("\n".join(new).splitlines()) - len("\n".join(old).splitlines())
    assert (found == Lines(0, 0)) == ("\n".join(old).splitlines() == "\n".join(new).splitlines())


@given(JSON)
def test_whatever_stands_there_is_read(value: Any) -> None:
    hint = b' "tool_use" "tool_result"'
    for body in (msgspec.json.encode({"content": value, "messages": value}), msgspec.json.encode(value) + hint):
        raw = msgspec.Raw(body)
        assert isinstance(calls(structs.replace(answer(), body=raw)), list)
        request: RequestData = structs.replace(asked(said("user", "hi")), body=raw)
        assert isinstance(results(request), list)
