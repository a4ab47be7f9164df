"""From spool records to events: what each event says, batches, and outcomes."""

from __future__ import annotations

import base64
import gzip
import json
import random
import zlib
from typing import Any
from uuid import UUID

import pytest
from msgspec import UNSET, structs

from plait.common.events import ChunkEvent, ResponseData, decode, encode
from plait.common.folding import fold
from plait.common.topics import MAX_EVENT_BYTES
from plait.gateway.shipper.exchange import begin
from plait.gateway.spool.records import End, Ending, Head, Headers, Piece, Request

ID = UUID("019a0000-0000-7000-8000-000000000001")
JSON = [(b"content-type", b"application/json")]
SSE = [(b"content-type", b"text/event-stream; charset=utf-8")]
WHOLE = End(50.0, Ending.WHOLE)


def event(kind: str, **fields: Any) -> bytes:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **fields})}\n\n".encode()


START = event(
    "message_start", message={"role": "assistant", "model": "m-2", "content": [], "usage": {"input_tokens": 3}}
)
TEXT = event("content_block_start", index=0, content_block={"type": "text", "text": ""}) + event(
    "content_block_delta", index=0, delta={"type": "text_delta", "text": "hi"}
)
STOP = event("message_stop")
ERROR = event("error", error={"type": "overloaded_error", "message": "Overloaded"})


def request(body: bytes = b'{"model": "m-1"}', headers: Headers | None = None) -> Request:
    return Request(1_700_000_000.25, "d.test", "POST", "/v1/messages", "beta=true", headers or JSON, body)


def answered(headers: Headers, *pieces: bytes, status: int = 200, end: End = WHOLE) -> ResponseData:
    exchange, _ = begin(ID, request())
    exchange.head(Head(10.0, status, headers))
    for n, data in enumerate(pieces):
        exchange.piece(Piece(20.0 + n, data))
    response = decode(encode(exchange.end(end)))
    assert isinstance(response.data, ResponseData)
    return response.data


def test_a_stream_that_swells_fills_no_event_beyond_what_brokers_take() -> None:
    exchange, _ = begin(ID, request())
    exchange.head(Head(10.0, 200, [*SSE, (b"content-encoding", b"gzip")]))
    bomb = gzip.compress(START + STOP, mtime=0) + gzip.compress(bytes(MAX_EVENT_BYTES // 4), mtime=0) * 6
    chunk = exchange.piece(Piece(20.0, bomb))
    assert chunk is not None
    assert len(encode(chunk)) < MAX_EVENT_BYTES
    assert exchange.end(WHOLE).data.outcome == "complete"


def test_a_json_body_stands_verbatim_in_the_event() -> None:
    body = b'{"model" : "m-1",\n "max_tokens":1.0, "zz":"caf\xc3\xa9"}'
    raw = encode(begin(ID, request(body))[1])
    assert b'"body":' + body in raw


def test_a_compressed_body_stands_decoded_in_the_event() -> None:
    body = b'{"metadata":{"user_id":"user_1_account__session_0b0f7d7e-7f0c-4a43-8a53-0e5d9f2f6c11"}}'
    made = begin(ID, request(gzip.compress(body), [(b"Content-Encoding", b"gzip")]))[1]
    assert bytes(made.data.body) == body if made.data.body is not UNSET else False
    assert made.data.thread == "0b0f7d7e-7f0c-4a43-8a53-0e5d9f2f6c11"
    assert made.data.body_size == len(gzip.compress(body))


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b"hello \xff", JSON),
        (b'{"a": 1', JSON),
        (b"not gzip", [(b"content-encoding", b"gzip")]),
        (b"[" * 100_000, JSON),
    ],
)
def test_what_is_no_json_is_kept_as_received(body: bytes, headers: Headers) -> None:
    made = decode(encode(begin(ID, request(body, headers))[1]))
    assert made.data.body_base64 == body  # type: ignore[union-attr]
    assert json.loads(encode(made))["data"]["bodyBase64"] == base64.b64encode(body).decode()


def test_an_answer_keeps_its_times_usage_and_model() -> None:
    data = answered(SSE, START, TEXT, STOP)
    assert (data.first_byte_ms, data.first_token_ms, data.duration_ms) == (20.0, 21.0, 50.0)
    assert data.ended_at.timestamp() == 1_700_000_000.3
    assert data.usage is not UNSET
    assert json.loads(bytes(data.usage)) == {"input_tokens": 3}
    assert (data.model, data.streamed, data.body_size) == ("m-2", True, len(START + TEXT + STOP))
    assert data.body is not UNSET
    assert json.loads(bytes(data.body)) == fold(START + TEXT + STOP).message


def test_a_compressed_stream_is_folded_and_its_chunks_are_decoded() -> None:
    packed = gzip.compress(START + TEXT + STOP)
    exchange, _ = begin(ID, request())
    exchange.head(Head(1.0, 200, [*SSE, (b"content-encoding", b"gzip")]))
    for n in range(0, len(packed), 10):
        exchange.piece(Piece(2.0, packed[n : n + 10]))
    chunk = exchange.chunk()
    assert chunk is not None
    assert b"".join(piece.data for piece in chunk.data.pieces) == START + TEXT + STOP
    assert exchange.end(WHOLE).data.outcome == "complete"


def test_junk_behind_a_compressed_answer_takes_nothing_from_it() -> None:
    packed = [(b"content-encoding", b"gzip")]
    streamed = answered([*SSE, *packed], gzip.compress(START + TEXT + STOP) + b"JUNK")
    assert (streamed.outcome, streamed.usage is UNSET) == ("complete", False)
    plain = answered([*JSON, *packed], gzip.compress(b'{"usage":{}}') + b"JUNK")
    assert bytes(plain.body) == b'{"usage":{}}' if plain.body is not UNSET else False


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_of_an_answer_that_was_cut_stays_what_can_be_read(encoding: str) -> None:
    body = random.Random(1).randbytes(5_000)
    packed = gzip.compress(body) if encoding == "gzip" else zlib.compress(body)
    data = answered([(b"content-encoding", encoding.encode())], packed[:4_000], end=CUT)
    assert data.body_base64 is not UNSET
    assert len(data.body_base64) > 2_000
    assert body.startswith(data.body_base64)


def test_chunks_end_at_100_ms_or_16_kb_and_count_their_pieces() -> None:
    exchange, _ = begin(ID, request())
    exchange.head(Head(0.0, 200, SSE))
    arrivals = [(0.0, 10), (50.0, 10), (100.0, 10), (101.0, 16 * 1024), (102.0, 5)]
    made = [exchange.piece(Piece(at, b"x" * size)) for at, size in arrivals] + [exchange.chunk()]
    chunks = [chunk for chunk in made if isinstance(chunk, ChunkEvent)]
    assert [(chunk.data.index, len(chunk.data.pieces)) for chunk in chunks] == [(0, 3), (3, 1), (4, 1)]
    assert [piece.offset_ms for chunk in chunks for piece in chunk.data.pieces] == [at for at, _ in arrivals]
    assert len({chunk.id for chunk in chunks}) == 3


GONE = End(60.0, Ending.CLIENT_GONE, "client_gone", "")
CUT = End(60.0, Ending.UPSTREAM_CUT, "upstream_cut", "")


@pytest.mark.parametrize(
    ("outcome", "error", "pieces", "end"),
    [
        ("complete", None, [START, TEXT, STOP], WHOLE),
        ("complete", None, [START, TEXT, STOP], GONE),
        ("interrupted", "upstream_cut", [START, TEXT], CUT),
        ("interrupted", "upstream_cut", [START, TEXT], WHOLE),
        ("interrupted", "overloaded_error", [START, ERROR], WHOLE),
        ("failed", "overloaded_error", [ERROR], WHOLE),
        ("aborted", "client_gone", [START, TEXT], GONE),
        ("aborted", "gateway_lost", [START], End(None, Ending.GATEWAY_LOST, "gateway_lost", "")),
        ("interrupted", "capture_lost", [START], End(60.0, Ending.CAPTURE_LOST, "capture_lost", "")),
        ("failed", "no_message", [], WHOLE),
        ("failed", "no_message", [b"data: {}\n\n"], WHOLE),
        ("interrupted", "upstream_cut", [], CUT),
    ],
)
def test_outcomes_of_streams(outcome: str, error: str | None, pieces: list[bytes], end: End) -> None:
    data = answered(SSE, *pieces, end=end)
    assert (data.outcome, data.error.type if data.error else None) == (outcome, error)


@pytest.mark.parametrize(
    ("outcome", "error", "status", "body", "end"),
    [
        ("complete", None, 200, b"{}", WHOLE),
        ("complete", None, 200, b"plain", WHOLE),
        ("failed", "rate_limit_error", 429, b'{"error":{"type":"rate_limit_error","message":"slow"}}', WHOLE),
        ("failed", "http_error", 404, b"plain", WHOLE),
        ("failed", "api_error", 502, b"{}", End(5.0, Ending.NO_ANSWER, "api_error", "away")),
        ("rejected", "request_too_large", 413, b"{}", End(5.0, Ending.REFUSED, "request_too_large", "")),
        ("interrupted", "upstream_cut", 200, b'{"a":', CUT),
        ("failed", "overloaded_error", 529, b'{"error":{"type":"overloaded_error","message":"o"}}', GONE),
        ("failed", "http_error", 529, b'{"err', GONE),
        ("failed", "http_error", 500, b"", End(None, Ending.GATEWAY_LOST, "gateway_lost", "")),
        ("aborted", "client_gone", 200, b"{}", GONE),
    ],
)
def test_outcomes_of_other_answers(outcome: str, error: str | None, status: int, body: bytes, end: End) -> None:
    data = answered(JSON, body, status=status, end=end)
    assert (data.outcome, data.error.type if data.error else None) == (outcome, error)
    assert data.status == status


def test_a_stream_that_builds_no_message_is_complete_where_none_is_due() -> None:
    exchange, _ = begin(ID, structs.replace(request(), method="GET", path="/v1/sessions/s/events"))
    exchange.head(Head(1.0, 200, SSE))
    assert exchange.end(WHOLE).data.outcome == "complete"


def test_a_client_that_left_before_any_answer() -> None:
    data = begin(ID, request())[0].end(GONE).data
    assert (data.outcome, data.status, data.first_byte_ms, data.model) == ("aborted", None, None, "m-1")


def test_a_lost_gateway_is_as_late_as_the_last_thing_seen() -> None:
    data = answered(SSE, START, TEXT, end=End(None, Ending.GATEWAY_LOST, "gateway_lost", ""))
    assert data.duration_ms == 21.0


def test_an_answer_with_half_a_character_keeps_its_usage_and_its_bytes() -> None:
    body = b'{"model": "m-2", "usage": {"output_tokens": 5}, "content": [{"type": "text", "text": "\\ud83d"}]}'
    data = answered(JSON, body)
    assert data.usage is not UNSET
    assert json.loads(bytes(data.usage)) == {"output_tokens": 5}
    assert (data.model, data.body_base64) == ("m-2", body)


def test_a_request_with_half_a_character_still_names_its_session() -> None:
    body = (
        b'{"metadata":{"user_id":"user_1_account__session_0b0f7d7e-7f0c-4a43-8a53-0e5d9f2f6c11"},'
        b'"messages":[{"role":"user","content":"\\ud83d"}]}'
    )
    made = begin(ID, request(body))[1]
    assert made.data.thread == "0b0f7d7e-7f0c-4a43-8a53-0e5d9f2f6c11"
    assert made.data.body_base64 == body


@pytest.mark.parametrize(
    ("said", "taken"),
    [
        (b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", True),
        (b"00-00000000000000000000000000000000-b7ad6b7169203331-01", False),
        (b"00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01", False),
        (b"ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", False),
        (b"00-0AF7651916CD43DD8448EB211C80319C-B7AD6B7169203331-01", False),
        (b"\xff" * 60_000, False),
    ],
)
def test_a_place_in_a_trace_is_taken_over_where_it_is_one(said: bytes, taken: bool) -> None:
    _, begun = begin(ID, request(headers=[*JSON, (b"Traceparent", said)]))
    assert begun.traceparent == (said.decode() if taken else UNSET)
    assert begun.data.headers[1] == ("traceparent", said.decode("latin-1"))


def test_both_events_name_the_account_and_the_request_its_key() -> None:
    named = structs.replace(request(), account_id="acc", key_name="laptop")
    exchange, begun = begin(ID, named)
    assert (begun.data.account_id, begun.data.key_name) == ("acc", "laptop")
    assert exchange.end(WHOLE).data.account_id == "acc"


def test_an_answer_that_no_event_holds_is_said_to_be_left_out() -> None:
    data = answered(JSON, *(b"\xff" * (10 << 20) for _ in range(5)))
    assert (data.body, data.body_base64, data.body_left_out) == (UNSET, UNSET, "too_large")
    assert data.body_size == 50 << 20
    assert answered(JSON, b"").body_left_out is UNSET


def test_a_body_that_swells_beyond_an_event_is_said_to_be_left_out() -> None:
    bomb = gzip.compress(bytes(100 << 20))
    data = answered([*JSON, (b"content-encoding", b"gzip")], bomb)
    assert (data.body_base64, data.body_left_out, data.body_size) == (UNSET, "too_large", len(bomb))
