"""Events of exchanges, as the shipper would send them, for tests of those who consume them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from plait.common.consumer import Record
from plait.common.events import (
    ChunkData,
    Event,
    Header,
    Outcome,
    Piece,
    RequestData,
    ResponseData,
    chunk_event,
    request_event,
    response_event,
)
from plait.common.ids import new_exchange_id

Part = RequestData | ResponseData | ChunkData
"""What one event says of an exchange."""

START = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
SESSION = "2b1e8a6c-5d3f-4c7b-9a10-000000000001"


def said(role: str, content: Any) -> dict[str, Any]:
    return {"role": role, "content": content}


def asked(
    *messages: Any,
    at: float = 0,
    domain: str = "a.test",
    session: str | None = SESSION,
    body: bytes | None = None,
    headers: Sequence[Header] = (),
    **fields: Any,
) -> RequestData:
    """A request that began `at` seconds after START; `body` instead of messages: sent as it is."""
    started = START + timedelta(seconds=at)
    raw = body if body is not None else msgspec.json.encode({"model": "claude-x", "messages": list(messages), **fields})
    return RequestData(
        exchange_id=new_exchange_id(started.timestamp()),
        domain=domain,
        thread=session or "t",
        started_at=started,
        method="POST",
        path="/v1/messages",
        query="beta=true",
        headers=[*headers, *([("x-claude-code-session-id", session)] if session else [])],
        body=msgspec.Raw(raw) if body is None else msgspec.UNSET,
        body_base64=msgspec.UNSET if body is None else body,
        body_size=len(raw),
        key_name="laptop",
        client_address="127.0.0.1",
    )


def answered(request: RequestData, content: Any, *, outcome: Outcome = "complete", lasted: float = 1.0) -> ResponseData:
    """Its answer, a message of this content (a text is one block), `lasted` seconds later."""
    blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
    message = {
        "id": f"msg_{request.exchange_id.hex}",
        "type": "message",
        "role": "assistant",
        "model": "claude-x-2026",
        "content": blocks,
        "stop_reason": "tool_use" if blocks and blocks[-1]["type"] == "tool_use" else "end_turn",
    }
    return ended(request, outcome=outcome, lasted=lasted, body=msgspec.json.encode(message))


def ended(
    request: RequestData, *, outcome: Outcome = "complete", lasted: float = 1.0, body: bytes = b"{}", status: int = 200
) -> ResponseData:
    """The end of an exchange with this body."""
    return ResponseData(
        exchange_id=request.exchange_id,
        domain=request.domain,
        thread=request.thread,
        started_at=request.started_at,
        outcome=outcome,
        status=status,
        headers=[("content-type", "application/json"), ("request-id", "req_1")],
        ended_at=request.started_at + timedelta(seconds=lasted),
        first_byte_ms=100.0,
        first_token_ms=200.0,
        duration_ms=lasted * 1000,
        streamed=True,
        body=msgspec.Raw(body),
        body_size=len(body),
        model="claude-x-2026",
    )


def pieces(request: RequestData, *texts: str, index: int = 0) -> ChunkData:
    """A chunk event's data: each text a piece, a millisecond apart."""
    return ChunkData(
        exchange_id=request.exchange_id,
        domain=request.domain,
        thread=request.thread,
        started_at=request.started_at,
        index=index,
        pieces=[Piece(float(n), text.encode()) for n, text in enumerate(texts)],
    )


def event_of(data: Part) -> Event:
    """The event that carries it."""
    if isinstance(data, RequestData):
        return request_event(data)
    return response_event(data) if isinstance(data, ResponseData) else chunk_event(data, data.started_at)


def records(*data: Part) -> list[Record]:
    """A batch, as the consumer's loop hands it out."""
    topics = {RequestData: "plait.requests", ResponseData: "plait.responses", ChunkData: "plait.chunks"}
    return [Record(topics[type(one)], 0, offset, event_of(one)) for offset, one in enumerate(data)]
