"""From what was recorded of an exchange to its line. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from msgspec import UNSET, Raw, UnsetType

from plait.common.events import Outcome, Piece, json_or_none
from plait.common.exchange_file.line import Line, Request, Response
from plait.common.folding import fold
from plait.common.queries.whole import Answered, Asked, Recorded


def line_of(exchange: Recorded) -> Line:
    """The line of an exchange; nothing that was recorded is left out."""
    return Line(
        id=exchange.id,
        domain=exchange.domain,
        account_id=exchange.account_id,
        started_at=exchange.started_at,
        request=_request(exchange.asked),
        response=_response(exchange.answered) if exchange.answered else None,
    )


def _request(asked: Asked) -> Request:
    body, other = _embedded(asked.body)
    return Request(
        method=asked.method,
        path=asked.path,
        query=asked.query,
        headers=asked.headers,
        body=body,
        body_base64=other,
        size=asked.size,
        tag=_given(asked.tag),
        key_name=_given(asked.key_name),
        client_address=_given(asked.client_address),
    )


def _response(answered: Answered) -> Response:
    stream = b"".join(piece.data for piece in answered.pieces)
    text = _text(stream)
    body, other = (UNSET, UNSET) if stream and _gives(stream, answered.body) else _embedded(answered.body)
    return Response(
        status=answered.status,
        headers=answered.headers,
        body=body,
        body_base64=other,
        sse=text if stream and text is not None else UNSET,
        sse_base64=stream if stream and text is None else UNSET,
        pieces=_when(answered.pieces) if stream else UNSET,
        outcome=cast("Outcome", answered.outcome),
        first_byte_ms=answered.first_byte_ms,
        first_token_ms=answered.first_token_ms,
        duration_ms=answered.duration_ms,
        streamed=answered.streamed,
        size=answered.size,
        error=_given(answered.error),
    )


def _embedded(body: bytes) -> tuple[Raw | UnsetType, bytes | UnsetType]:
    """As JSON, or as base64; neither for an empty body."""
    if not body:
        return UNSET, UNSET
    return (UNSET, body) if json_or_none(body) is None else (Raw(_one_line(body)), UNSET)


def _one_line(text: bytes) -> bytes:
    """JSON has line ends only between its tokens."""
    return text.replace(b"\r", b" ").replace(b"\n", b" ")


def _gives(stream: bytes, body: bytes) -> bool:
    """Whether folding what is there of the stream gives the message that was recorded."""
    message = fold(stream).message
    return message is not None and message == json_or_none(body)


def _text(stream: bytes) -> str | None:
    try:
        return stream.decode()
    except UnicodeDecodeError:
        return None


def _when(pieces: Sequence[Piece]) -> list[tuple[float, int]]:
    return [(piece.offset_ms, len(piece.data)) for piece in pieces]


def _given(value: Any) -> Any:
    return UNSET if value is None else value
