"""Calls of an answer while it comes in: told as soon as their block is whole, as the whole answer tells them."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from plait.fakes.messages import event, events_of, message, text, thinking, tool_use
from plait.linker.domain.answer import MOST_CALLS, calls_in
from plait.linker.domain.canonical import answer_blocks, text_hash
from plait.linker.domain.facts import Call
from plait.linker.domain.offers import AWAITED_TOOLS
from plait.linker.domain.streaming import CallsSoFar
from tests.unit.linker_domain.clients import call, exchange, running, user
from tests.unit.linker_domain.weaving import parent_of

WORDS = st.text(max_size=40)
BLOCKS = st.one_of(
    WORDS.map(text),
    WORDS.map(thinking),
    st.builds(
        lambda name, words, seed: tool_use(name, {"prompt": words, "query": words, "script": words}, seed=str(seed)),
        st.sampled_from(["Agent", "Task", "Workflow", "WebSearch", "Bash"]),
        WORDS,
        st.integers(),
    ),
)
CONTENTS = st.lists(BLOCKS, max_size=6, unique_by=lambda block: block.get("id", id(block)))
JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=5), lambda inner: st.lists(inner))


def told(content: list[Any]) -> tuple[Call, ...]:
    """What the whole answer tells."""
    return tuple(one for one in calls_in(answer_blocks(content)) if one.name in AWAITED_TOOLS)


def fed(*pieces: bytes) -> CallsSoFar:
    reading = CallsSoFar()
    for piece in pieces:
        reading.feed(piece)
    return reading


@given(CONTENTS, st.data())
def test_cut_anywhere_it_tells_what_the_whole_answer_does(content: list[Any], data: st.DataObject) -> None:
    stream = b"".join(events_of(message(*content)))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    reading, wanted = CallsSoFar(), told(content)
    for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        reading.feed(stream[start:end])
        assert reading.calls == wanted[: len(reading.calls)]
    assert reading.calls == wanted


def test_a_call_is_told_with_the_end_of_its_block() -> None:
    agents = [tool_use("Agent", {"prompt": "Look."}, seed="1"), tool_use("Agent", {"prompt": "Listen."}, seed="2")]
    reading = CallsSoFar()
    counts = []
    for one in events_of(message(text("Well."), *agents)):
        reading.feed(one)
        if b"content_block_stop" in one:
            counts.append(len(reading.calls))
    assert counts == [0, 1, 2]


def test_what_is_kept_does_not_grow_with_the_text() -> None:
    events = events_of(message(text("word " * 20_000)))
    reading = CallsSoFar()
    held = []
    for one in events:
        reading.feed(one)
        held.append(reading.held)
    assert max(held) == 0
    assert fed(*events_of(message(tool_use("Agent", {"prompt": "x" * 5_000})))[:-3]).held > 5_000


def test_an_answer_that_calls_without_end_is_not_read_without_end() -> None:
    agents = [tool_use("Agent", {"prompt": "Look."}, seed=str(n)) for n in range(MOST_CALLS + 10)]
    reading = fed(*events_of(message(*agents)))
    assert reading.calls == told(agents)
    assert len(reading.calls) == MOST_CALLS


@settings(max_examples=40)
@given(JSON, JSON, JSON)
def test_nonsense_does_not_raise(index: Any, block: Any, delta: Any) -> None:
    begun = {"type": "tool_use", "name": block, "id": delta, "input": index}
    reading = fed(
        b"data: tool_use\n\ndata: [1]\n\ndata:\n\n\xff\n\n",
        event("content_block_start", index=index, content_block=block),
        event("content_block_start", index=1, content_block=begun),
        event("content_block_start", index=1, content_block={"type": "tool_use", "name": "Agent", "id": delta}),
        event("content_block_delta", index=1, delta=delta),
        event("content_block_delta", index=1, delta={"type": "input_json_delta", "partial_json": block}),
        event("content_block_stop", index=index),
        event("content_block_stop", index=1),
    )
    assert {one.wants for one in reading.calls} <= {b""}


def test_an_input_that_is_no_json_starts_nobody() -> None:
    begun = {"type": "tool_use", "name": "Agent", "id": "toolu_1", "input": {}}
    reading = fed(
        event("content_block_start", index=0, content_block=begun),
        event("content_block_delta", index=0, delta={"type": "input_json_delta", "partial_json": '{"prompt": "Lo'}),
        event("content_block_stop", index=0),
    )
    assert reading.calls == (Call("toolu_1", "Agent"),)


def test_agents_are_linked_to_an_answer_that_is_still_running() -> None:
    """By the prompt; a search by its query; and the answer's end changes nothing."""
    calls = [call("toolu_1", "Agent", prompt="Look."), call("toolu_2", "Workflow", script="run('Count.')")]
    calls.append(call("toolu_3", "WebSearch", query="plaits"))
    parent = replace(running(1, [user("Begin.")], session="s"), so_far=told(calls))
    harness = "[Workflow harness — computed task]\nThe computed task text follows:\n  Count."
    search = user("Perform a web search for the query: plaits")
    tools = [{"type": "web_search_20250305", "name": "web_search"}]
    agent = running(2, [user("Look.")], session="s", agent="a1")
    counter = running(3, [user(harness)], session="s", agent="a2")
    searcher = running(4, [search], session="s", tools=tools)
    ended = exchange(1, [user("Begin.")], *calls, session="s")
    for one, rule in ((agent, "spawn"), (counter, "spawn"), (searcher, "serves")):
        assert parent_of(parent, one) == (rule, 1)
        assert parent_of(parent, ended, one) == (rule, 1)
    assert parent_of(running(1, [user("Begin.")], session="s"), agent) == ("none", None)


def test_json_that_only_python_reads_is_read() -> None:
    stream = event("content_block_start", index=0, content_block={"type": "tool_use", "id": "t", "name": "Task"})
    for half in ("\ud83d", "\\ud83d"):
        delta = {"type": "input_json_delta", "partial_json": f'{{"prompt": "{half}"}}'}
        part = json.dumps({"type": "content_block_delta", "index": 0, "delta": delta})
        reading = fed(stream, f"data: {part}\n\n".encode(), event("content_block_stop", index=0))
        assert reading.calls == (Call("t", "Task", text_hash("\ufffd")),)
