"""What the page of a request is made of, each part by itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markupsafe import Markup

from plait.common.events import Piece
from plait.common.queries.cache import CacheFinding
from plait.common.queries.records import Evidence, Exchange
from plait.dashboard.islands import evidence
from plait.dashboard.islands.causes import tell_cause
from plait.dashboard.islands.code import changed_lines, difference, numbered
from plait.dashboard.islands.facts import calls_in
from plait.dashboard.islands.kept import Kept
from plait.dashboard.islands.messages import Said, read_answer
from plait.dashboard.islands.outline import as_received, raw_part
from plait.dashboard.islands.pairs import pair
from plait.dashboard.islands.stream import read_stream, timeline
from plait.dashboard.islands.whole import find
from tests.harmless import Reader, assert_harmless
from tests.unit.dashboard.exchanges import exchange

SAMPLES = sorted(Path("samples/recorded").glob("*/*.json"))
CALL = {"type": "tool_use", "id": "t1", "name": "Read", "input": {"file_path": "a.py"}}
SAID: list[dict[str, Any]] = [
    {"role": "user", "content": "x" * 40_000},
    {
        "role": "assistant",
        "content": [{"type": "tool_use", "id": "t1", "name": "Read", "input": {"file_path": "a.py"}}],
    },
    {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1", "content": "1\tx = 1\n2\ty = 2"}]},
]
WORDS = {  # a rule, what it saw, and a part of the sentence
    "match": ({"messages": 12}, "12 messages and the answer after them"),
    "retry": ({"ended": "failed"}, "after an attempt that ended failed"),
    "spawn": ({"call": "toolu_1", "by": "prompt"}, "its prompt is this request's (call toolu_1)"),
    "fork": ({"messages": 1}, "Its first message and the answer"),
    "compaction": ({"answerLeftOut": True}, "without its last answer"),
    "summary": ({"session": "s"}, "stands on a summary"),
    "thread": ({"message": "msg_1"}, "names the parent's answer msg_1."),
    "tool_call": ({"tool": "toolu_2"}, "the tool call toolu_2"),
    "answer": ({"begins": "alike"}, "the same beginning"),
    "edited": ({"answer": "interrupted"}, "interrupted"),
    "domain_match": ({"messages": 3}, "another session of the domain"),
    "domain_tool_call": ({"tool": "toolu_3"}, "another session"),
    "dropped_turns": ({"messages": 4}, "4 messages match"),
    "serves": ({"by": "match", "messages": 2}, "A side call. 2 messages"),
    "none": ({}, "begins a conversation"),
    "of tomorrow": ({}, "by the rule “of tomorrow”"),
}


def whole_exchange(body: Any, answer: Any = None) -> Exchange:
    """An exchange with these bodies."""
    values: dict[str, Any] = {name: getattr(exchange(1), name) for name in exchange(1).__struct_fields__}
    values |= {"request_headers": [], "response_headers": [], "request_body": body, "response_body": answer}
    return Exchange(**values, evidence=None, usage_data=None, cache=None)


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_every_recorded_exchange_can_be_shown(sample: Path) -> None:
    recorded = json.loads(sample.read_bytes())
    body, answered = recorded["body"] or {}, recorded["response"]
    drawn = Said(body.get("messages", [])).draw()
    assert len(drawn) == len(body.get("messages", []))
    shown = [*drawn, raw_part("Request", body, "request").body or Markup("")]
    if sse := answered.get("sse"):
        stream = read_stream([(0, Piece(1.0, sse.encode()))])
        shown += [timeline(stream), as_received("Stream", sse.encode()).body or Markup("")]
    elif isinstance(answered.get("body"), dict):
        shown += [part.body for part in read_answer(answered["body"], 1).parts]
    assert_harmless("".join(shown))


def test_there_are_recorded_exchanges() -> None:
    assert len(SAMPLES) > 100


def test_calls_and_results_find_each_other() -> None:
    pairs = pair(SAID)
    assert pairs.result_of("t1") == 3
    assert (pairs.call_of("t1").name, pairs.call_of("t1").index) == ("Read", 2)
    assert pairs.result_of("t2") == 0
    assert pairs.call_of(None).name == ""


def test_what_is_read_of_a_file_is_code_with_its_lines() -> None:
    shown = numbered("  1\tx = 1\n  2\ty = 2\n\nThe file is short.", "a.py")
    assert shown is not None
    assert shown.startswith('<span class="ln">1\t</span>x = <span class="n">1</span>\n')
    assert shown.endswith("\n\nThe file is short.")
    assert numbered("no numbers", "a.py") is None


@given(st.lists(st.text(st.characters(categories=["L", "N", "P", "S", "Zs"]))))
def test_numbered_lines_lose_nothing(lines: list[str]) -> None:
    text = "\n".join(f"{n}\t{line}" for n, line in enumerate(lines, 1))
    shown = numbered(text, "")
    assert shown is None if not lines else Reader(shown or "").text == text


@given(st.lists(st.sampled_from("abcd"), max_size=12), st.lists(st.sampled_from("abcd"), max_size=12))
def test_a_difference_counts_and_shows_the_same(before: list[str], after: list[str]) -> None:
    shown = difference("\n".join(before), "\n".join(after))
    came, went = changed_lines("\n".join(before), "\n".join(after))
    assert (shown.count('"ins"'), shown.count('"del"')) == (came, went)
    assert len(after) - len(before) == came - went


def test_large_differences_are_not_searched_for() -> None:
    many = "\n".join(map(str, range(5_000)))
    assert changed_lines(many, many.replace("7", "8")) == (5_000, 5_000)


@pytest.mark.parametrize("rule", WORDS)
def test_evidence_is_told_in_a_sentence(rule: str) -> None:
    detail, part = WORDS[rule]
    assert part in evidence.tell(Evidence(rule, detail))


@pytest.mark.parametrize("detail", [None, "x", [], {"messages": "x"}, {"by": None}])
@pytest.mark.parametrize("rule", WORDS)
def test_evidence_of_any_shape_is_told(rule: str, detail: object) -> None:
    assert evidence.tell(Evidence(rule, detail))


def test_the_cache_is_told_of() -> None:
    found = CacheFinding(
        cause="model", expected_tokens=10, reusable_tokens=10, read_tokens=0, missed_tokens=10, cost_usd=0.1,
        reference_request_id=None, message_index=None, message_change=None, idle_seconds=None, lifetime_seconds=None,
    )  # fmt: skip
    assert "another model" in tell_cause(found)
    assert "All that was in the cache" in tell_cause(msgspec.structs.replace(found, cause=None))


def test_a_stream_cut_anywhere_reads_the_same() -> None:
    events = [
        {"type": "message_start", "message": {}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "thinking", "thinking": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "Hm. "}},
        {"type": "content_block_start", "index": 1, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": "Ünd so"}},
    ]
    data = b"".join(b"data: " + msgspec.json.encode(event) + b"\n\n" for event in events)
    for size in (1, 7, 64, len(data)):
        pieces = [(n, Piece(10.0 * n, data[at : at + size])) for n, at in enumerate(range(0, len(data), size))]
        stream = read_stream(pieces)
        assert ["".join(text for _, text in block.runs) for block in stream.blocks] == ["Hm. ", "Ünd so"]
        assert sum(len(one.events) for one in stream.arrivals) == len(events)
        assert stream.size == len(data)


@given(st.lists(st.binary(max_size=60), max_size=8))
@settings(deadline=None, max_examples=40)
def test_any_bytes_are_a_stream(pieces: list[bytes]) -> None:
    stream = read_stream([(n, Piece(float(n), data)) for n, data in enumerate(pieces)])
    assert len(stream.arrivals) == len(pieces)
    assert not pieces or assert_harmless(timeline(stream))


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)
    )
)
@settings(deadline=None, max_examples=40)
def test_any_value_has_its_outline(value: Any) -> None:
    body = raw_part("Request", value, "request").body
    assert (body is None) == (value is None)
    assert_harmless(body or "")


def test_names_and_counts_of_an_outline_read_as_words() -> None:
    body = str(raw_part("Request", {"model": "m", "one": {"a": "y" * 900}, "two": ["z" * 900, 1]}, "request").body)
    assert '<b class="f">model</b>: <code>' in body
    assert "1 field ·" in body
    assert "2 items ·" in body


def test_large_values_fold() -> None:
    body = raw_part("Request", {"messages": [{"n": n, "text": "y" * 300} for n in range(10)]}, "request").body
    assert str(body).count("<details") == 11


@pytest.mark.parametrize(
    ("at", "told"),
    [
        ("request.messages.0.content.0", "x" * 40_000),
        ("request.messages.0.content", "x" * 40_000),
        ("request.messages.2", "1\tx = 1\n2\ty = 2"),
        ("request.messages.2.content.0", "1\tx = 1\n2\ty = 2"),
        ("answer.content.0", "Yes."),
        ("answer.content.0.n", "7"),
    ],
)
def test_whole_texts_are_found(at: str, told: str) -> None:
    answer = {"role": "assistant", "content": [{"type": "text", "text": "Yes.", "n": 7}]}
    assert find(whole_exchange({"messages": SAID}, answer), at) == told


@pytest.mark.parametrize(
    "at", ["", "request.messages.9", "request.messages.-1", "else", "request.messages.0.content.1"]
)
def test_what_is_not_there_is_not_found(at: str) -> None:
    assert find(whole_exchange({"messages": SAID}), at) is None


def test_places_on_the_page_lead_to_the_text() -> None:
    html = Said(SAID).draw()[0]
    place = next(a["data-whole"] for _, a in Reader(html).tags if "data-whole" in a)
    assert find(whole_exchange({"messages": SAID}), str(place)) == "x" * 40_000


def test_kept_html_is_made_once_and_the_oldest_goes() -> None:
    made: list[str] = []

    def make(name: str) -> Markup:
        made.append(name)
        return Markup(name * 100)

    kept = Kept(700)
    for name in ("a", "a", "b", "a", "c", "a", "b"):
        assert kept.get(name.encode(), lambda name=name: make(name)) == name * 100  # type: ignore[misc]
    assert made == ["a", "b", "c", "b"]


def test_what_is_larger_than_all_is_not_kept() -> None:
    kept = Kept(100)
    made = [kept.get(b"x", lambda: Markup("y")), kept.get(b"x", lambda: Markup("z"))]
    assert made == ["y", "z"]


def test_calls_are_counted() -> None:
    assert calls_in([*SAID, None, {"content": [{"input": {}, "name": 7}]}]) == [("Read", 1)]
