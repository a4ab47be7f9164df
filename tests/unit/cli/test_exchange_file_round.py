"""What a gateway published, recorded, written to a line and read again is what it published."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw
from msgspec.structs import asdict, replace

from plait.cli.exchange_file.events import LineMasker, events_of
from plait.common.events import SOURCE_IMPORT, ChunkEvent, ExchangeEvent, Piece, RequestEvent, ResponseEvent
from plait.common.exchange_file.line import decode, encode
from plait.common.exchange_file.writing import line_of
from plait.common.queries.whole import Answered, Asked, Recorded
from plait.gateway.shipper.exchange import begin
from plait.gateway.spool import records as spool
from tests.unit.test_bodies import bodies, text

ID = UUID("019a0000-0000-7000-8000-000000000001")
JSON = [(b"content-type", b"application/json"), (b"authorization", b"Bearer masked:0123456789abcdef")]
SSE = [(b"content-type", b"text/event-stream; charset=utf-8"), (b"request-id", b"req_1")]


def event(kind: str, **fields: Any) -> bytes:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **fields}, ensure_ascii=False)}\n\n".encode()


def stream_of(words: Sequence[str]) -> bytes:
    message = {"id": "msg_1", "role": "assistant", "model": "m-2", "content": [], "usage": {"input_tokens": 3}}
    deltas = [event("content_block_delta", index=0, delta={"type": "text_delta", "text": word}) for word in words]
    start = event("content_block_start", index=0, content_block={"type": "text", "text": ""})
    return b"".join([event("message_start", message=message), start, *deltas, event("message_stop")])


streams = st.builds(lambda words, cut: stream_of(words)[: -cut or None], st.lists(text, max_size=4), st.integers(0, 90))
json_bodies = bodies.map(msgspec.json.encode)
answers = st.tuples(st.just(SSE), streams | st.binary(max_size=40)) | st.tuples(
    st.just(JSON), json_bodies | st.binary(max_size=40)
)
ends = st.builds(
    spool.End,
    st.none() | st.integers(0, 10**6).map(lambda ms: ms / 8),
    st.sampled_from(list(spool.Ending)),
    st.just("api_error"),
    st.just("why"),
)


@st.composite
def recordings(draw: st.DrawFn) -> list[spool.Record]:
    """The records of one exchange as a gateway writes them."""
    found: list[spool.Record] = [
        spool.Request(
            1_700_000_000.25, "d.test", "POST", "/v1/messages", "beta=true", JSON, draw(json_bodies | st.binary())
        )
    ]
    if draw(st.booleans()):
        headers, body = draw(answers)
        found.append(spool.Head(10.0, draw(st.sampled_from([200, 400, 529])), headers))
        cuts = sorted(draw(st.lists(st.integers(0, len(body)), max_size=3)))
        parts = [body[a:b] for a, b in zip([0, *cuts], [*cuts, len(body)], strict=True)]
        found += [spool.Piece(20.0 + 60 * n, part) for n, part in enumerate(parts) if part]
    return [*found, draw(ends)] if draw(st.integers(0, 9)) else found


def published(records: Sequence[spool.Record]) -> list[ExchangeEvent]:
    request, *others = records
    assert isinstance(request, spool.Request)
    exchange, begun = begin(ID, request)
    events: list[ExchangeEvent] = [begun]
    for record in others:
        if isinstance(record, spool.Head):
            exchange.head(record)
        elif isinstance(record, spool.Piece):
            events += [full] if (full := exchange.piece(record)) else []
        elif isinstance(record, spool.End):
            events += [rest] if (rest := exchange.chunk()) else []
            events.append(exchange.end(record))
    return events


def recorded(events: Sequence[ExchangeEvent]) -> Recorded:
    """As the database gives it back."""
    request, *others = events
    assert isinstance(request, RequestEvent)
    asked = request.data
    end = next((one.data for one in others if isinstance(one, ResponseEvent)), None)
    pieces = [piece for one in others if isinstance(one, ChunkEvent) for piece in one.data.pieces]
    return Recorded(
        id=asked.exchange_id,
        domain=asked.domain,
        account_id=asked.account_id,
        started_at=asked.started_at,
        asked=Asked(
            body=body_of(asked),
            body_is_as_received=True,
            size=asked.body_size,
            **{name: getattr(asked, name) for name in ("method", "path", "query", "headers", "tag", "key_name")},
            client_address=asked.client_address,
        ),
        answered=None
        if end is None
        else Answered(
            body=body_of(end),
            body_is_as_received=True,
            size=end.body_size,
            pieces=pieces,
            duration_ms=(end.ended_at - end.started_at) / timedelta(milliseconds=1),
            **{name: getattr(end, name) for name in ("outcome", "status", "headers", "streamed", "error")},
            first_byte_ms=end.first_byte_ms,
            first_token_ms=end.first_token_ms,
        ),
    )


def body_of(data: Any) -> bytes:
    if isinstance(data.body, Raw):
        return bytes(data.body)
    return data.body_base64 if isinstance(data.body_base64, bytes) else b""


def told(events: Sequence[ExchangeEvent]) -> list[dict[str, Any]]:
    """What the events say; runs of pieces are one, since they may be cut elsewhere."""
    found = [asdict(one.data) for one in events if not isinstance(one, ChunkEvent)]
    for one in found:
        one |= {name: json.loads(bytes(one[name])) for name in ("body", "usage") if isinstance(one.get(name), Raw)}
        one["duration_ms"] = round(one.get("duration_ms", 0), 2)
    runs = [one.data for one in events if isinstance(one, ChunkEvent)]
    pieces = [piece for run in runs for piece in run.pieces]
    return [*found, {"pieces": [Piece(p.offset_ms, p.data) for p in pieces], "first": [run.index for run in runs[:1]]}]


@given(recordings())
def test_a_record_read_back_tells_what_was_published(records: list[spool.Record]) -> None:
    events = published(records)
    if len(events) > 1 and not isinstance(events[-1], ResponseEvent):
        events = events[:1]  # of a running exchange the request is kept
    line = decode(encode(line_of(recorded(events))))
    again = list(events_of(line, LineMasker(b"another key")))
    assert told(again) == told(events)
    assert {one.source for one in again} == {SOURCE_IMPORT}
    assert [replace(one, source="", data=None) for one in again[:1]] == [
        replace(one, source="", data=None) for one in events[:1]
    ]
