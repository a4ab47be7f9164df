"""Which thread an exchange belongs to: right for what clients send, and total for anything else."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plait.common.threads import session_id, thread_of

SESSION = "0b0e1f6a-1111-4222-8333-444455556666"
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["metadata", "user_id", "messages", "role", "content", "text"]), inner)
    ),
    max_leaves=15,
)


def user(value: object) -> dict[str, Any]:
    return {"metadata": {"user_id": value}}


def said(content: object) -> dict[str, Any]:
    return {"messages": [{"role": "system", "content": "s"}, {"role": "user", "content": content}]}


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ([("X-Claude-Code-Session-Id", SESSION)], user('{"session_id":"another"}')),
        ([], user(json.dumps({"device_id": "d", "account_uuid": "a", "session_id": SESSION}))),
        ([], user(f"user_abc_account__session_{SESSION}")),
        ([], user(f"user_abc_account_{SESSION[::-1]}_session_{SESSION}")),
        ([("x-claude-code-session-id", "")], user(json.dumps({"session_id": SESSION}))),
    ],
)
def test_a_session_is_found_where_clients_tell_it(headers: list[tuple[str, str]], body: object) -> None:
    assert session_id(headers, body) == SESSION
    assert thread_of(headers, body, "exchange") == SESSION


@pytest.mark.parametrize(
    "value", [None, 7, "", "{", "{}", '{"session_id":7}', '{"session_id":""}', "[1]", "user_session_x", "{" * 5000]
)
def test_what_is_no_session_is_none(value: object) -> None:
    assert session_id([], user(value)) is None


def test_without_a_session_turns_of_one_conversation_meet() -> None:
    first = said("hello")
    later = {"messages": [*first["messages"], {"role": "assistant", "content": "hi"}, {"role": "user", "content": "x"}]}
    assert thread_of([], first, "a") == thread_of([], later, "b")


def test_a_string_and_one_text_block_are_one_thread_cached_or_not() -> None:
    block = {"type": "text", "text": "hello"}
    forms = ["hello", [block], [{**block, "cache_control": {"type": "ephemeral"}}]]
    assert len({thread_of([], said(form), "x") for form in forms}) == 1


@pytest.mark.parametrize("body", [None, 7, [], {}, {"messages": {}}, said([]), said(None), said([{"type": "image"}])])
def test_without_anything_the_exchange_is_its_own_thread(body: object) -> None:
    assert thread_of([], body, "exchange") == "exchange"


@given(st.lists(st.tuples(st.text(), st.text())), JSON)
def test_any_request_has_a_thread_of_bounded_length(headers: list[tuple[str, str]], body: object) -> None:
    assert 1 <= len(thread_of(headers, body, "exchange")) <= 200


@given(st.text(max_size=5) | st.just("\ud800"))
def test_any_text_can_be_hashed(text: str) -> None:
    assert thread_of([], said(text), "exchange")


@pytest.mark.parametrize("user", ['{"a":' * 100_000, '{"session_id":"\ud800"}', '{"session_id":"\\ud800"}'])
def test_a_user_id_that_cannot_be_read_names_no_session(user: str) -> None:
    assert session_id([], {"metadata": {"user_id": user}}) is None
