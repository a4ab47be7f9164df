"""Bodies taken apart come back exactly, and what is resent is kept once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plait.common.blobs import shelve, unshelve
from plait.common.bodies import (
    DEEPEST,
    AnswerParts,
    RequestParts,
    put_answer_together,
    put_request_together,
    take_apart_answer,
    take_apart_request,
)
from plait.common.frames import frame_of, settings_of
from plait.common.packing import unpack

SAMPLES = sorted((Path(__file__).parents[2] / "samples" / "recorded").glob("*/*.json"))

text = st.text(st.characters(codec="utf-8"), max_size=20)
scalars = st.none() | st.booleans() | st.integers(-(2**80), 2**80) | st.floats(allow_nan=False, width=32) | text
values = st.recursive(
    scalars.filter(lambda v: v not in (float("inf"), float("-inf"))),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=8,
)
cache_controls = st.sampled_from([{"type": "ephemeral"}, {"type": "ephemeral", "ttl": "1h"}, None, 5])


def maybe_cached(block: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    return block | st.builds(lambda b, c: {**b, "cache_control": c}, block, cache_controls)


text_blocks = maybe_cached(st.fixed_dictionaries({"type": st.just("text"), "text": text}))
odd_blocks = st.dictionaries(st.sampled_from(["type", "text", "content", "cache_control", "x"]), values, max_size=4)
result_blocks = maybe_cached(
    st.fixed_dictionaries({"type": st.just("tool_result"), "content": text | st.lists(text_blocks | odd_blocks)})
)
contents = text | st.lists(text_blocks | odd_blocks | result_blocks | values, max_size=3) | values
messages = st.fixed_dictionaries(
    {"role": st.sampled_from(["user", "assistant", "system"]), "content": contents}, optional={"output_config": values}
)
bodies = st.fixed_dictionaries(
    {"messages": st.lists(messages | values, max_size=4)},
    optional={
        "system": text | st.lists(text_blocks | values, max_size=3) | values,
        "tools": st.lists(maybe_cached(st.dictionaries(text, values, max_size=3)), max_size=3) | values,
        "model": text,
        "anything": values,
    },
)


def request_back(parts: RequestParts) -> Any:
    return put_request_together(
        parts.remainder,
        parts.whole,
        [blob.data for blob in parts.messages],
        parts.system.data if parts.system else None,
        parts.tools.data if parts.tools else None,
    )


def answer_back(parts: AnswerParts) -> Any:
    return put_answer_together(parts.remainder, parts.whole, parts.content.data if parts.content else None)


def same(a: Any, b: Any) -> bool:
    """Deep equality that tells 1 from 1.0 and from true."""
    return json.dumps(a, sort_keys=True) == json.dumps(b, sort_keys=True)


@given(bodies)
def test_a_generated_request_comes_back_from_beside_its_frame(body: dict[str, Any]) -> None:
    parts = take_apart_request(msgspec.json.encode(body))
    frame, _ = frame_of([], parts.rest)
    blobs = [blob.data for blob in parts.messages]
    system, tools = (blob.data if blob else None for blob in (parts.system, parts.tools))
    settings = settings_of(frame.data)
    assert same(put_request_together(parts.beside_frame, parts.whole, blobs, system, tools, settings), body)


@given(bodies)
def test_a_generated_request_comes_back_exactly(body: dict[str, Any]) -> None:
    assert same(request_back(take_apart_request(msgspec.json.encode(body))), body)


@given(values | st.fixed_dictionaries({"role": st.just("assistant"), "content": contents}, optional={"id": values}))
def test_a_generated_answer_comes_back_exactly(body: Any) -> None:
    assert same(answer_back(take_apart_answer(msgspec.json.encode(body))), body)


@given(values)
def test_any_json_comes_back_exactly(body: Any) -> None:
    assert same(request_back(take_apart_request(msgspec.json.encode(body))), body)


@given(st.binary(max_size=60))
def test_any_bytes_are_kept(body: bytes) -> None:
    parts = take_apart_request(body)
    assert parts.whole
    assert unpack(parts.remainder) == body


@pytest.mark.parametrize("path", SAMPLES, ids=lambda p: f"{p.parent.name}-{p.stem}")
def test_a_recorded_request_comes_back_exactly(path: Path) -> None:
    body = json.loads(path.read_text())["body"]
    parts = take_apart_request(json.dumps(body).encode() if body is not None else b"")
    assert parts.whole == (not isinstance(body, dict))
    assert same(request_back(parts), body)


def test_there_are_recorded_requests() -> None:
    assert len(SAMPLES) > 100


def message(role: str, content: Any, **more: Any) -> dict[str, Any]:
    return {"role": role, "content": content, **more}


def parts_of(*sent: Any) -> RequestParts:
    return take_apart_request(msgspec.json.encode({"messages": list(sent)}))


def test_what_moves_between_turns_does_not_make_a_new_blob() -> None:
    cached = message("user", [{"type": "text", "text": "hi", "cache_control": {"type": "ephemeral"}}])
    plain = {"content": "hi", "role": "user"}
    assert parts_of(cached).head == parts_of(plain).head
    assert parts_of(message("user", [{"text": "hi", "type": "text"}])).head == parts_of(plain).head


def test_an_answer_is_the_very_blob_of_the_next_turn() -> None:
    answer = {"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "usage": {"input_tokens": 1}}
    content = [{"type": "thinking", "thinking": "", "signature": "s"}, {"type": "text", "text": "yes"}]
    kept = take_apart_answer(msgspec.json.encode({**answer, "content": content}))
    again = parts_of(message("user", "hi"), message("assistant", content), message("user", "more"))
    assert kept.content is not None
    assert kept.content.hash == again.messages[1].hash


def test_a_longer_history_has_the_shorter_one_as_its_ancestor() -> None:
    short = parts_of(message("user", "a"), message("assistant", "b"))
    long = parts_of(message("user", "a"), message("assistant", "b"), message("user", "c"))
    assert long.links[1].hash == short.head
    assert long.links[2].parent == short.head
    assert [link.depth for link in long.links] == [1, 2, 3]


def test_the_usual_forms_need_no_note() -> None:
    usual = parts_of(message("user", "a"), message("assistant", [{"type": "text", "text": "b"}]), message("user", "c"))
    assert len(usual.remainder) < 20


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b"", None),
        (b"not json", "not json"),
        (b'{"messages":[]}', {"messages": []}),
        (b'{"messages":"no list"}', {"messages": "no list"}),
        (b"[1,2.0]", [1, 2.0]),
        (b'{"messages":["\\ud800 alone"]}', {"messages": ["\ud800 alone"]}),
        (b'{"messages":[1e999]}', '{"messages":[1e999]}'),
        (b'{"messages":[NaN]}', '{"messages":[NaN]}'),
        (b"\xff\xfe{", "��{"),
    ],
)
def test_what_is_no_messages_request_is_kept_whole(body: bytes, value: Any) -> None:
    parts = take_apart_request(body)
    assert parts.whole
    assert unpack(parts.remainder) == body
    assert same(request_back(parts), value)


def test_nul_characters_survive() -> None:
    body = {"messages": [message("user", "a\0b")], "\0": "\0"}
    assert same(request_back(take_apart_request(msgspec.json.encode(body))), body)


def test_a_hundred_thousand_levels_are_kept_whole() -> None:
    body = b'{"messages":[' + b"[" * 100_000 + b"]" * 100_000 + b"]}"
    parts = take_apart_request(body)
    assert parts.whole
    assert unpack(parts.remainder) == body
    assert request_back(parts) == body.decode()


def test_ten_thousand_messages() -> None:
    sent = [message("user" if n % 2 == 0 else "assistant", f"{n}") for n in range(10_000)]
    parts = parts_of(*sent)
    assert parts.links[-1].depth == 10_000
    assert same(request_back(parts), {"messages": sent})


def test_a_damaged_part_is_an_error() -> None:
    parts = parts_of(message("user", "hi"))
    with pytest.raises((ValueError, msgspec.DecodeError)):
        put_request_together(parts.remainder[:-3], parts.whole, [parts.messages[0].data], None, None)


def test_two_hundred_turns_cost_what_was_said_once() -> None:
    """The history is resent each turn; what is kept grows with the new messages alone."""
    blobs: dict[bytes, bytes] = {}
    remainders = resent = 0
    history: list[Any] = []
    for turn in range(200):
        said = message("user", [{"type": "text", "text": f"{turn} " * 200, "cache_control": {"type": "ephemeral"}}])
        body = {"model": "m", "stream": True, "system": "s" * 4000, "messages": [*history, said]}
        raw = msgspec.json.encode(body)
        parts = take_apart_request(raw)
        blobs.update({blob.hash: blob.data for blob in parts.blobs})
        remainders += len(parts.remainder)
        resent += len(raw)
        answer = [{"type": "text", "text": f"answer {turn} " * 100}]
        history += [message("user", said["content"][0]["text"]), message("assistant", answer)]
    unique = sum(len(data) for data in blobs.values())
    assert remainders < 0.1 * unique
    assert unique + remainders < resent / 50


@given(st.binary(max_size=2000))
def test_blobs_come_back_from_their_shelf(data: bytes) -> None:
    assert unshelve(*shelve(data)) == data


def test_an_unknown_encoding_is_an_error() -> None:
    with pytest.raises(ValueError, match="unknown blob encoding 9"):
        unshelve(9, b"")


@pytest.mark.parametrize("body", ['{"messages":[%s]}', '{"role":"assistant","content":[%s]}'])
@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}")])
def test_a_body_is_taken_apart_up_to_one_depth_and_given_back_as_text_beyond(
    body: str, opening: str, closing: str
) -> None:
    inside = DEEPEST - 2
    for levels, whole in ((inside, False), (inside + 1, True), (975, True), (985, True)):
        sent = body % (opening * levels + "1" + closing * levels)
        back: Any
        if "messages" in body:
            asked = take_apart_request(sent.encode())
            kept, back = asked.whole, request_back(asked)
        else:
            answered = take_apart_answer(sent.encode())
            kept, back = answered.whole, answer_back(answered)
        assert kept == whole
        assert same(back, sent if whole else json.loads(sent))
