"""Folding event streams: every block type, cut anywhere, told from SSE text."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plait.common.folding import Fold, StreamError, fold

MESSAGE: dict[str, Any] = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-opus-5-5",
    "content": [],
    "stop_reason": None,
    "usage": {"input_tokens": 10, "output_tokens": 1, "cache_creation": {"ephemeral_5m_input_tokens": 4}},
}


def event(kind: str, **fields: Any) -> bytes:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **fields}, ensure_ascii=False)}\n\n".encode()


def start() -> bytes:
    return event("message_start", message=MESSAGE)


def block(index: int, begin: dict[str, Any], *deltas: dict[str, Any], stop: bool = True) -> bytes:
    parts = [event("content_block_start", index=index, content_block=begin)]
    parts += [event("content_block_delta", index=index, delta=delta) for delta in deltas]
    return b"".join(parts) + (event("content_block_stop", index=index) if stop else b"")


def end(**usage: Any) -> bytes:
    delta = {"stop_reason": "end_turn", "stop_sequence": None}
    return event("message_delta", delta=delta, usage=usage) + event("message_stop")


BLOCKS = (
    block(
        0,
        {"type": "thinking", "thinking": "", "signature": ""},
        {"type": "thinking_delta", "thinking": "let "},
        {"type": "thinking_delta", "thinking": "me"},
        {"type": "signature_delta", "signature": "c2ln"},
    ),
    block(
        1,
        {"type": "text", "text": "", "citations": []},
        {"type": "text_delta", "text": "héllo "},
        {"type": "citations_delta", "citation": {"type": "char_location", "start_char_index": 0}},
        {"type": "text_delta", "text": "🤖"},
    ),
    block(
        2,
        {"type": "tool_use", "id": "toolu_1", "name": "Bash", "input": {}},
        {"type": "input_json_delta", "partial_json": ""},
        {"type": "input_json_delta", "partial_json": '{"comm'},
        {"type": "input_json_delta", "partial_json": 'and": "ls"}'},
    ),
    block(3, {"type": "redacted_thinking", "data": "AAAA"}),
    block(4, {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": [{"url": "https://x"}]}),
    block(5, {"type": "tool_use", "id": "toolu_2", "name": "Now", "input": {}}),
)
CONTENT: list[dict[str, Any]] = [
    {"type": "thinking", "thinking": "let me", "signature": "c2ln"},
    {"type": "text", "text": "héllo 🤖", "citations": [{"type": "char_location", "start_char_index": 0}]},
    {"type": "tool_use", "id": "toolu_1", "name": "Bash", "input": {"command": "ls"}},
    {"type": "redacted_thinking", "data": "AAAA"},
    {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": [{"url": "https://x"}]},
    {"type": "tool_use", "id": "toolu_2", "name": "Now", "input": {}},
]
WHOLE = start() + event("ping") + b"".join(BLOCKS) + end(output_tokens=42)


def test_every_block_type() -> None:
    folded = fold(WHOLE)
    assert folded.stopped
    assert folded.error is None
    assert folded.message == MESSAGE | {
        "content": CONTENT,
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": MESSAGE["usage"] | {"output_tokens": 42},
    }


@given(st.lists(st.integers(0, len(WHOLE)), max_size=40))
def test_cuts_anywhere_change_nothing(cuts: list[int]) -> None:
    places = sorted({0, len(WHOLE), *cuts})
    folded = Fold()
    for begin, stop in pairwise(places):
        folded.feed(WHOLE[begin:stop])
    assert folded.message == fold(WHOLE).message


@given(st.integers(0, len(WHOLE)))
def test_a_prefix_folds_to_a_prefix(cut: int) -> None:
    folded = fold(WHOLE[:cut])
    blocks = folded.message["content"] if folded.message else []
    for known, final in zip(blocks, CONTENT, strict=False):
        assert known["type"] == final["type"]
        for key in ("text", "thinking"):
            assert str(final.get(key, "")).startswith(known.get(key, ""))


def test_line_ends_comments_and_unknown_events_are_passed_over() -> None:
    odd = WHOLE.replace(b"event: ping\n", b": comment\nid: 7\nretry: 10\nevent: zz\n").replace(b"\n", b"\r\n")
    assert fold(b"data: not json\n\ndata: [1]\n\n" + odd).message == fold(WHOLE).message


def test_data_of_several_lines_is_one_event() -> None:
    split = start().replace(b'"role"', b'\ndata: "role"')
    assert split.count(b"data:") == 2
    assert fold(split).message == MESSAGE


def test_unfinished_tool_input_is_kept_as_text() -> None:
    begun = block(0, {"type": "tool_use", "id": "t", "name": "n", "input": {}}, stop=False)
    more = event("content_block_delta", index=0, delta={"type": "input_json_delta", "partial_json": '{"a": [1,'})
    message = fold(start() + begun + more).message
    assert message is not None
    assert message["content"] == [
        {"type": "tool_use", "id": "t", "name": "n", "input": {}, "partial_json": '{"a": [1,'}
    ]


def test_tool_input_that_is_no_json_is_kept_as_text() -> None:
    delta = {"type": "input_json_delta", "partial_json": "{oops"}
    message = fold(start() + block(0, {"type": "tool_use", "input": {}}, delta)).message
    assert message is not None
    assert message["content"] == [{"type": "tool_use", "input": {}, "partial_json": "{oops"}]


@pytest.mark.parametrize(
    ("begin", "deltas", "kept"),
    [
        ({"type": "compaction", "content": None}, [{"content": "su"}, {"content": "m"}], {"content": "sum"}),
        ({"type": "z", "items": [1]}, [{"items": [2]}, {"items": [3]}], {"items": [1, 2, 3]}),
        ({"type": "z", "n": 1}, [{"n": 2}], {"n": 2}),
        ({"type": "z"}, [{"new": {"a": 1}}], {"new": {"a": 1}}),
    ],
)
def test_unknown_deltas_are_kept(begin: dict[str, Any], deltas: list[dict[str, Any]], kept: dict[str, Any]) -> None:
    message = fold(start() + block(0, begin, *({"type": "zz_delta", **delta} for delta in deltas))).message
    assert message is not None
    assert message["content"] == [begin | kept]


def test_an_error_event_is_told_with_what_came_before_it() -> None:
    error = event("error", error={"type": "overloaded_error", "message": "Overloaded"})
    folded = fold(start() + BLOCKS[1].replace(b'"index": 1', b'"index": 0') + error)
    assert folded.error == StreamError("overloaded_error", "Overloaded")
    assert folded.message is not None
    assert folded.message["content"][0]["text"] == "héllo 🤖"
    assert not folded.stopped


def test_without_message_start_there_is_no_message() -> None:
    assert fold(b"".join(BLOCKS) + end()).message is None
    assert not fold(end()).stopped


def test_what_follows_message_stop_counts_for_nothing() -> None:
    assert fold(WHOLE + start()).message == fold(WHOLE).message


def test_other_keys_of_message_delta_are_merged_over_the_message() -> None:
    more = event("message_delta", delta={}, context_management={"applied_edits": []})
    message = fold(start() + more).message
    assert message is not None
    assert message["context_management"] == {"applied_edits": []}
    assert message["usage"] == MESSAGE["usage"]


def test_a_null_in_the_last_usage_takes_no_figure_away() -> None:
    message = fold(start() + end(input_tokens=None, output_tokens=42, server_tool_use=None)).message
    assert message is not None
    assert message["usage"] == MESSAGE["usage"] | {"output_tokens": 42, "server_tool_use": None}


def test_a_character_that_was_cut_into_two_events_is_whole_in_the_message() -> None:
    halves = [
        b'data: {"type":"message_start","message":{"role":"assistant","content":[],"usage":{"input_tokens":3}}}\n\n',
        b'data: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}\n\n',
        b'data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"a\\ud83d"}}\n\n',
        b'data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"\\ude00b"}}\n\n',
        b'data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"\\ud83d, lone"}}\n\n',
    ]
    message = fold(b"".join(halves)).message
    assert message is not None
    assert message["content"] == [{"type": "text", "text": "a\U0001f600b\ufffd, lone"}]
    assert message["usage"] == {"input_tokens": 3}
    assert msgspec.json.encode(message)


def test_a_tool_input_with_half_a_character_is_an_input() -> None:
    parts = [
        {"type": "message_start", "message": {"content": []}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "tool_use", "input": {}}},
        {
            "type": "content_block_delta",
            "index": 0,
            "delta": {"type": "input_json_delta", "partial_json": '{"q": "\ud83d"}'},
        },
        {"type": "content_block_stop", "index": 0},
    ]
    message = fold(b"".join(b"data: " + json.dumps(part).encode() + b"\n\n" for part in parts)).message
    assert message is not None
    assert message["content"] == [{"type": "tool_use", "input": {"q": "\ufffd"}}]
