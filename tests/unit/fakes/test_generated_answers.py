"""Answers to calls that nobody scripted."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest

from plait.fakes.answers import Answer, dump
from plait.fakes.generated import MODELS, answer_to
from plait.fakes.http1 import Header

KEY: list[Header] = [("Authorization", "Bearer fake")]
ASKED: dict[str, Any] = {"model": "claude-opus-5-5", "max_tokens": 9, "messages": [{"role": "user", "content": "Hi"}]}


def ask(value: Any, path: str = "/v1/messages") -> Answer:
    return answer_to("POST", path, KEY, dump(value))


def test_a_message() -> None:
    reply = json.loads(ask(ASKED).body)
    assert reply["content"] == [{"type": "text", "text": "You said: Hi"}]
    assert (reply["model"], reply["stop_reason"]) == ("claude-opus-5-5", "end_turn")
    assert reply["usage"]["input_tokens"] == len(dump(ASKED)) // 4


def test_a_stream_when_one_is_asked_for() -> None:
    answer = ask(ASKED | {"stream": True})
    assert ("content-type", "text/event-stream; charset=utf-8") in answer.headers
    assert answer.body.startswith(b"event: message_start\n")
    assert answer.body.rstrip().endswith(b'{"type":"message_stop"}')


def test_the_last_text_block_counts() -> None:
    blocks = [{"type": "text", "text": "reminder"}, {"type": "text", "text": "question"}, {"type": "image"}]
    reply = json.loads(ask(ASKED | {"messages": [{"role": "user", "content": blocks}]}).body)
    assert reply["content"][0]["text"] == "You said: question"


@pytest.mark.parametrize(
    "history", [[], "no list", [{"role": "user", "content": []}], [{"role": "user", "content": None}]]
)
def test_odd_histories_are_answered_too(history: Any) -> None:
    assert ask(ASKED | {"messages": history}).status == 200


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"{", "not valid JSON"),
        (b"[]", "model: Field required"),
        (dump({"model": "m", "messages": []}), "max_tokens: Field required"),
    ],
)
def test_bad_calls_are_refused(body: bytes, words: str) -> None:
    answer = answer_to("POST", "/v1/messages", KEY, body)
    assert answer.status == 400
    assert words in json.loads(answer.body)["error"]["message"]


def test_a_compressed_body_is_read() -> None:
    asked = gzip.compress(dump(ASKED))
    headers: list[Header] = [*KEY, ("Content-Encoding", "gzip")]
    assert answer_to("POST", "/v1/messages", headers, asked).status == 200
    assert answer_to("POST", "/v1/messages", headers, asked[:-9]).status == 400
    assert answer_to("POST", "/v1/messages", headers, dump(ASKED)).status == 200


def test_counting_needs_no_limit_of_tokens() -> None:
    answer = ask({"model": "m", "messages": []}, "/v1/messages/count_tokens?beta=true")
    assert json.loads(answer.body) == {"input_tokens": 6}


def test_models() -> None:
    listed = json.loads(answer_to("GET", "/v1/models?limit=1000", KEY, b"").body)
    assert [model["id"] for model in listed["data"]] == list(MODELS)
    assert json.loads(answer_to("GET", "/v1/models/claude-opus-5-5", KEY, b"").body) == listed["data"][0]
    assert answer_to("GET", "/v1/models/gpt", KEY, b"").status == 404


def test_who_has_no_key_is_refused() -> None:
    answer = answer_to("POST", "/v1/messages", [], dump(ASKED))
    assert (answer.status, json.loads(answer.body)["error"]["type"]) == (401, "authentication_error")


def test_probes_need_no_key() -> None:
    assert answer_to("HEAD", "/api/hello", [], b"").status == 200
    assert answer_to("GET", "/api/hello", [], b"").status == 200


def test_what_claude_does_not_have() -> None:
    answer = answer_to("POST", "/v1/chat/completions", KEY, dump(ASKED))
    assert (answer.status, json.loads(answer.body)["error"]["type"]) == (404, "not_found_error")
