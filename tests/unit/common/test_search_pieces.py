"""Which texts of a message are searched."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from plait.common.blobs import PLAIN
from plait.common.reminders import without_reminders
from plait.common.search.pieces import MOST_CHARACTERS, message_of, pieces_of

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(
        ["type", "text", "content", "input", "source", "data", "name", "title"]), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


@pytest.mark.parametrize(
    ("content", "pieces"),
    [
        ("hi", ["hi"]),
        (" \n", []),
        ([{"type": "text", "text": "a"}, {"type": "text", "text": "b"}], ["a", "b"]),
        ([{"type": "thinking", "thinking": "hm", "signature": "s"}, {"type": "redacted_thinking", "data": "x"}], []),
        (
            [
                {
                    "type": "tool_use",
                    "id": "toolu_1",
                    "name": "Bash",
                    "input": {"command": "ls", "more": [{"x": "y"}, 3]},
                }
            ],
            ["Bash", "ls", "y"],
        ),
        ([{"type": "tool_use", "name": "Bash", "input": {}, "partial_json": '{"com'}], ["Bash", '{"com']),
        ([{"type": "tool_result", "tool_use_id": "toolu_1", "content": "out"}], ["out"]),
        ([{"type": "tool_result", "content": [{"type": "text", "text": "out"}, {"type": "image"}]}], ["out"]),
        ([{"type": "image", "source": {"type": "base64", "data": "aGk="}}], []),
        ([{"type": "document", "title": "T", "source": {"type": "base64", "data": "aGk="}}], ["T"]),
        ([{"type": "document", "source": {"type": "text", "data": "words"}}], ["words"]),
        (
            [{"type": "web_search_tool_result", "content": [{"title": "T", "url": "u", "encrypted_content": "e"}]}],
            ["T", "u"],
        ),
        ("said <system-reminder>not</system-reminder>and more", ["saidand more"]),
        ("key " + "QUJD" * 1000 + " end", ["key " + "QUJD" * 16 + " end"]),
        (7, []),
        ([7, None, "text"], ["text"]),
    ],
)
def test_what_a_message_says(content: Any, pieces: list[str]) -> None:
    assert pieces_of({"role": "user", "content": content}) == pieces


def test_system_messages_say_nothing() -> None:
    assert pieces_of({"role": "system", "content": "hi"}) == []


def test_a_message_is_read_up_to_a_bound() -> None:
    blocks = [{"type": "text", "text": "a b " * MOST_CHARACTERS}, {"type": "text", "text": "behind"}]
    (piece,) = pieces_of({"role": "user", "content": blocks})
    assert MOST_CHARACTERS - 4 < len(piece) <= MOST_CHARACTERS


@example([{"type": []}])
@given(JSON)
def test_any_message_has_pieces(value: Any) -> None:
    assert all(isinstance(piece, str) and piece for piece in pieces_of({"role": "user", "content": value}))


def test_a_blob_that_is_no_message_is_empty() -> None:
    assert message_of(PLAIN, b"[1]") == {}


def test_a_damaged_blob_is_told_of() -> None:
    with pytest.raises(ValueError, match="malformed"):
        message_of(PLAIN, b"{no")


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("a", "a"),
        ("a\n<system-reminder>b</system-reminder>", "a"),
        ("a <system-reminder>b", "a <system-reminder>b"),
        ("<system-reminder>a</system-reminder> b <system-reminder>c</system-reminder>d", " bd"),
    ],
)
def test_reminders_are_cut_out(text: str, left: str) -> None:
    assert without_reminders(text) == left
