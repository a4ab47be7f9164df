"""Canonical messages: what clients change in passing must not count, what they say must."""

from __future__ import annotations

from time import process_time
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET, Raw
from msgspec.structs import replace

from plait.linker.domain.canonical import DEPTH, answer_blocks, canonical_messages, message_hash, prefix_hashes
from plait.linker.domain.facts import Facts
from plait.linker.domain.request import request_facts, with_answer
from tests.unit.linker_domain.clients import (
    Json,
    assistant,
    call,
    request_data,
    response_data,
    result,
    running,
    text,
    user,
)

REMINDER = "<system-reminder>\nBe kind.\n</system-reminder>"


def hashes(*messages: Any) -> list[bytes]:
    return [message_hash(one.role, one.blocks) for one in canonical_messages(list(messages))]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"role": "user", "content": "Hello"}, user("Hello")),
        (user({"type": "text", "text": "Hello", "cache_control": {"type": "ephemeral"}}), user("Hello")),
        (user("Hello\r\nyou\n"), user("Hello\nyou")),
        (user("Hello", f"{REMINDER}\n"), user("Hello")),
        (user(f"Hello\n\n{REMINDER}"), user("Hello")),
        (user(f"Hello \n{REMINDER}, you"), user("Hello, you")),
        (user(result("t1", f"out\n\n{REMINDER}")), user(result("t1", "out"))),
        (user(result("t1", [{"type": "text", "text": "out"}])), user(result("t1", "out"))),
        (user(result("t1", "a\nb")), user(result("t1", [{"type": "text", "text": t} for t in "ab"]))),
        (user(result("t1", [text("a"), text(f"{REMINDER}\n"), text("b")])), user(result("t1", [text("a"), text("b")]))),
        (assistant({"type": "thinking", "thinking": "Hm.", "signature": "x"}, "Yes"), assistant("Yes")),
        (assistant("One ", {"type": "redacted_thinking", "data": "x"}, "two"), assistant("One two")),
        (assistant(call("t1", command="ls")), assistant({**call("t1", command="ls"), "cache_control": {"a": 1}})),
        (assistant({**call("t1"), "input": {"n": 1.0}}), assistant({**call("t1"), "input": {"n": 1}})),
        (user({"type": "text", "text": "x", "citations": None}), user("x")),
    ],
)
def test_what_moves_between_turns_does_not_count(one: Any, other: Any) -> None:
    assert hashes(one) == hashes(other) != []


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (user("Hello"), user("hello")),
        (user("Hello", "you"), user("Hello you")),
        (assistant(call("t1", command="ls")), assistant(call("t2", command="ls"))),
        (user(result("t1", "a")), user({**result("t1", "a"), "is_error": True})),
        (user("<system-reminder>never closed"), user("")),
        (user("x"), assistant("x")),
    ],
)
def test_what_is_said_counts(one: Any, other: Any) -> None:
    assert hashes(one) != hashes(other)


def test_images_differ_by_media_type_and_data_alone() -> None:
    def image(data: str, **more: Any) -> Any:
        source = {"type": "base64", "media_type": "image/png", "data": data}
        return user({"type": "image", "source": source, **more})

    assert hashes(image("AA")) == hashes(image("AA", cache_control={"type": "ephemeral"}))
    assert hashes(image("AA")) != hashes(image("AB"))
    assert hashes(image("AA")) == hashes(image("AA", title="A cat"))
    jpeg = {"type": "base64", "media_type": "image/jpeg", "data": "AA"}
    assert hashes(image("AA")) != hashes(user({"type": "image", "source": jpeg}))
    assert hashes(user({"type": "image", "source": {"type": "url", "url": "a"}})) != hashes(
        user({"type": "image", "source": {"type": "url", "url": "b"}})
    )


def test_system_entries_and_empty_user_messages_are_left_out() -> None:
    system = {"role": "system", "content": "Environment"}
    assert hashes(user("a"), system, user(REMINDER), assistant("b")) == hashes(user("a"), assistant("b"))
    assert len(hashes(user("a"), assistant(" "), user("b"))) == 3, "an answer that said nothing was given all the same"


def test_neighbours_of_one_role_are_one_message() -> None:
    assert hashes(user("a\n"), user("b")) == hashes(user("a", "b"))
    assert hashes(user("a"), assistant("b "), user(REMINDER), assistant("c")) == hashes(user("a"), assistant("b c"))


def test_repeated_tool_messages_count_once() -> None:
    turn = assistant("Look", call("t1")), user(result("t1"))
    assert hashes(user("a"), *turn, *turn, assistant("b")) == hashes(user("a"), *turn, assistant("b"))
    assert hashes(user("a"), *turn, user(result("t1")), assistant("b")) == hashes(user("a"), *turn, assistant("b"))


def test_a_call_and_its_result_are_not_repeats_of_each_other() -> None:
    assert len(hashes(user("a"), assistant(call("t1")), user(result("t1")))) == 3


def test_the_hashes_of_a_messages_beginnings_are_those_of_the_shorter_messages() -> None:
    (message,) = canonical_messages([user("é", result("t1", "x"), "\u2028 y")])
    shorter = [message_hash("user", message.blocks[:n]) for n in (1, 2, 3)]
    assert list(prefix_hashes("user", message.blocks)) == shorter


@pytest.mark.parametrize(
    "volatile",
    [
        "<env>\nToday's date: 2026-11-21\n</env>",
        "x-anthropic-billing-header: cc_version=2.1.329.fb7;",
        "gitStatus: M x",
    ],
)
def test_the_system_prompt_is_hashed_without_what_changes_by_itself(volatile: str) -> None:
    def system(*texts: str) -> bytes:
        return running(1, [user("x")], system=[{"type": "text", "text": one} for one in texts]).system

    assert system("You are a tool.", volatile) == system("You are a tool.") != system("You are another.")


def test_a_huge_request_is_read_in_time() -> None:
    """Every step is linear: no client can make the linker stand still."""
    blocks = [
        {"type": "text", "text": "<system-reminder>" * 20},
        result("t", "x" * 1000),
        {"type": "text", "text": "<env>"},
    ]
    many = [user(*blocks) for _ in range(5000)]
    started = process_time()
    facts = running(1, many, system="<env>" * 100_000)
    assert (facts.count, process_time() - started < 20) == (5000, True)


def test_values_too_deep_are_cut_off() -> None:
    deep: Any = "core"
    for _ in range(DEPTH + 1):
        deep = [deep]
    assert hashes(assistant({**call("t1"), "input": deep})) == hashes(assistant({**call("t1"), "input": [deep]}))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["type", "text", "role", "content", "id", "tool_use_id", "source", "x"]), inner
        )
    ),
    max_leaves=20,
)


@given(JSON)
def test_no_json_raises(value: Any) -> None:
    for messages in (value, [value], [{"role": "user", "content": value}], [{"role": "assistant", "content": [value]}]):
        assert hashes(*canonical_like(messages)) == hashes(*canonical_like(messages))


def canonical_like(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b'{"messages": 1, "system": 2, "tools": {}, "metadata": [], "thread": 3, "output_config": "x"}',
        b'{"messages": [null, 1, {"role": 1}, {"role": "user", "content": {"type": 1}}]}',
        b'{"messages": [{"role": "user", "content": "\\ud800 lone"}], "thread": {"previous_message_id": "\\ud800"}}',
        b'{"messages": ' + b"[" * 5000 + b"]" * 5000 + b"}",
        b'{"messages": [{"role": "user", "content": [{"type": "text", "text": 1e999}]}]}',
    ],
)
def test_no_body_raises(body: bytes) -> None:
    facts = request_facts(replace(request_data(1, []), body=Raw(body)))
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(facts), type=Facts) == facts


def test_equal_bodies_with_lone_surrogates_stay_equal() -> None:
    def chain(text: bytes) -> bytes:
        body = b'{"messages": [{"role": "user", "content": "\\ud800 ' + text + b'"}]}'
        return request_facts(replace(request_data(1, []), body=Raw(body))).chain

    assert chain(b"a") == chain(b"a") != chain(b"b")


def test_tool_results_inside_one_another_are_read_to_a_bound() -> None:
    def nested(times: int, inmost: str) -> Json:
        content: Any = inmost
        for _ in range(times):
            content = [result("t", content)]
        return user(*content)

    assert (
        hashes(nested(3, "a")) == hashes(nested(3, "a<system-reminder>b</system-reminder>")) != hashes(nested(3, "b"))
    )
    assert hashes(nested(400, "a")) == hashes(nested(400, "b"))
    assert answer_blocks([nested(400, "a")["content"][0]])


def test_a_body_that_is_no_strict_json_is_read_all_the_same() -> None:
    """The shipper hands on as bytes what the strict decoder refuses: it links as what the next turn resends does."""
    sent = request_data(1, [user("Hi \ud83d")])
    told = response_data(sent, "Half \ud83d")
    request = replace(sent, body=UNSET, body_base64=bytes(sent.body or b""))
    answer = replace(told, body=UNSET, body_base64=bytes(told.body or b""))
    facts = with_answer(request_facts(request), answer)
    after = running(2, [user("Hi \ud83d"), assistant("Half \ud83d"), user("On")])
    assert (facts.kind, facts.count) == ("inference", 1)
    assert facts.answer is not None
    assert facts.answer.upto == after.turns[-1].upto
