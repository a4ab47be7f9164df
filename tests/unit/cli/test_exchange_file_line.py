"""Lines of the exchange file: our own, those of others, and those that are none."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from plait.cli.exchange_file.events import LineMasker, events_of
from plait.common.events import SOURCE_IMPORT, ChunkEvent, RequestEvent, ResponseEvent
from plait.common.exchange_file.line import BadLine, Line, Request, decode, encode

SSE = (
    'event: message_start\ndata: {"type":"message_start","message":{"role":"assistant","model":"m","content":[],'
    '"usage":{"input_tokens":3}}}\n\nevent: message_stop\ndata: {"type":"message_stop"}\n\n'
)


def line(**more: Any) -> bytes:
    return json.dumps({"startedAt": "2026-11-21T12:00:00Z", "request": {"body": {"model": "m"}}} | more).encode()


def events(text: bytes) -> list[Any]:
    return list(events_of(decode(text), LineMasker(b"key")))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (b"{", "not JSON: "),
        (b"[]", "expected `object`, got `array`"),
        (b'{"domain":"\xff"}', "not JSON: "),
        (b"{}", "startedAt: is missing"),
        (line(startedAt="2026-11-21T12:00:00"), "startedAt: expected `datetime` with a timezone component"),
        (line(startedAt=None), "startedAt: expected `datetime`, got `null`"),
        (line(id="x"), "id: invalid UUID"),
        (line(request=None), "request: expected `object`, got `null`"),
        (line(request={"headers": [["a"]]}), "request.headers[0]: expected `array` of length 2"),
        (line(request={"bodyBase64": "?"}), "request.bodyBase64: invalid base64 encoded string"),
        (line(response={"outcome": "fine"}), "response.outcome: invalid enum value 'fine'"),
        (line(response={"durationMs": -1}), "response.durationMs: expected `float` >= 0.0"),
        (line(response={"status": 7}), "response.status: expected `int` >= 100"),
        (line(response={"error": {"type": "x"}}), "response.error.message: is missing"),
        (b'{"request":{"body":' + b"[" * 100_000, "nested too deep"),
    ],
)
def test_what_is_no_exchange_is_refused_with_its_reason(text: bytes, told: str) -> None:
    with pytest.raises(BadLine) as refused:
        decode(text)
    assert str(refused.value).startswith(told)


def test_an_answer_that_ends_after_the_calendar_is_refused() -> None:
    with pytest.raises(BadLine, match=r"^startedAt: its times are beyond the calendar"):
        events(line(startedAt="9999-12-31T23:59:59Z", response={"durationMs": 1e9}))


def test_the_least_line_of_others_is_an_exchange() -> None:
    asked, answered = events(line())
    assert isinstance(asked, RequestEvent)
    assert asked.source == SOURCE_IMPORT
    data = asked.data
    assert (data.domain, data.method, data.path, data.headers) == ("imported", "POST", "/v1/messages", [])
    assert data.started_at == datetime(2026, 11, 21, 12, tzinfo=UTC)
    assert isinstance(answered, ResponseEvent)
    assert (answered.data.outcome, answered.data.status, answered.data.body_size) == ("complete", 200, 0)


def test_only_a_line_that_says_so_is_of_a_running_exchange() -> None:
    (asked,) = events(line(response=None))
    assert isinstance(asked, RequestEvent)


def test_the_same_line_is_the_same_exchange_every_time() -> None:
    first, second, other = decode(line()), decode(line() + b"\n"), decode(line(domain="b"))
    assert first.id == second.id != other.id
    assert isinstance(first.id, UUID)
    assert first.id.version == 7
    assert first.id.int >> 80 == int(datetime(2026, 11, 21, 12, tzinfo=UTC).timestamp() * 1000)


def test_headers_may_be_an_object_and_name_the_domain() -> None:
    asked, _ = events(line(request={"headers": {"Host": "Work.Example:443", "X-Name": "žluť"}}))
    assert asked.data.domain == "work.example"
    assert asked.data.headers[1] == ("x-name", "žluť".encode().decode("latin-1"))


def test_secrets_of_others_are_masked_and_our_marks_stay() -> None:
    headers = {"authorization": "Bearer sk-secret", "x-api-key": "masked:0123456789abcdef"}
    asked, _ = events(line(request={"headers": headers, "query": "api_key=sk-secret&token=masked:0123456789abcdef"}))
    assert "sk-secret" not in str(asked)
    assert asked.data.headers[1] == ("x-api-key", "masked:0123456789abcdef")
    assert asked.data.query.endswith("&token=masked:0123456789abcdef")


def test_a_mark_hides_no_secret_beside_it() -> None:
    asked, _ = events(line(request={"headers": {"x-api-key": "sk-secret masked:0123456789abcdef"}}))
    assert "sk-secret" not in str(asked)


def test_a_stream_of_others_is_folded_as_the_gateway_would() -> None:
    _, chunk, answer = events(line(response={"sse": SSE, "durationMs": 1500}))
    assert isinstance(chunk, ChunkEvent)
    assert b"".join(piece.data for piece in chunk.data.pieces) == SSE.encode()
    assert isinstance(answer, ResponseEvent)
    data = answer.data
    assert (data.outcome, data.status, data.streamed, data.model) == ("complete", 200, True, "m")
    assert data.ended_at == datetime(2026, 11, 21, 12, 0, 1, 500_000, tzinfo=UTC)
    assert json.loads(bytes(data.usage)) == {"input_tokens": 3}  # type: ignore[arg-type]


def test_an_answer_without_a_word_on_its_outcome_is_judged() -> None:
    refused = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
    _, answer = events(line(response={"status": 529, "body": refused}))
    assert (answer.data.outcome, answer.data.error.type) == ("failed", "overloaded_error")
    _, _, cut = events(line(response={"sse": SSE.partition("event: message_stop")[0]}))
    assert (cut.data.outcome, cut.data.error.type) == ("interrupted", "upstream_cut")


def test_a_message_beside_what_is_left_of_its_stream_is_the_answer() -> None:
    message = {"role": "assistant", "content": [{"type": "text", "text": "whole"}], "model": "m"}
    _, chunk, answer = events(line(response={"sse": "data: half", "body": message, "outcome": "complete"}))
    assert chunk.data.pieces[0].data == b"data: half"
    assert json.loads(bytes(answer.data.body)) == message
    assert (answer.data.streamed, answer.data.outcome) == (True, "complete")


def test_pieces_that_do_not_fit_the_stream_lose_none_of_it() -> None:
    for pieces in ([[5.0, 3], [9.0, 1]], [[5.0, 10_000]], [[5.0, 0]], []):
        found = events(line(response={"sse": SSE, "pieces": pieces}))[1:-1]
        assert b"".join(p.data for chunk in found for p in chunk.data.pieces) == SSE.encode()


def test_a_line_has_no_character_within_that_ends_lines_elsewhere() -> None:
    texts = "".join(map(chr, [10, 11, 12, 13, 28, 29, 30, 0x85, 0x2028, 0x2029]))
    made = encode(Line(started_at=datetime(2026, 1, 1, tzinfo=UTC), request=Request(query=texts)))
    assert len(made.decode().splitlines()) == 1
    assert decode(made).request.query == texts
