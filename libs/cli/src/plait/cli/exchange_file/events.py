"""From a line to the events that a gateway would have sent for its exchange. Pure.

The line is made into the records of a spool, and the shipper's own code makes the events of these. What the line says
of the outcome, and of sizes and times that the records do not show, stands over what they would come to.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, Final, TypeVar
from uuid import UUID

from msgspec import UNSET, Raw
from msgspec.structs import replace

from plait.common.events import (
    SOURCE_IMPORT,
    ChunkEvent,
    ExchangeEvent,
    Header,
    RequestEvent,
    ResponseEvent,
)
from plait.common.exchange_file.line import BadLine, Line, Response, headers_of, or_none
from plait.common.masking import Masker
from plait.gateway.shipper.exchange import Exchange, begin
from plait.gateway.spool.records import End, Ending, Head, Headers, Piece
from plait.gateway.spool.records import Request as RequestRecord

_MARK: Final = re.compile(rb"(?:(?:Bearer|Basic) +)?masked:[0-9a-f]{16}", re.IGNORECASE)
_ENCODING: Final = b"content-encoding"
"""Left out where a body stands decoded in the line."""
_KIND: Final = b"content-type"
_SSE: Final = (_KIND, b"text/event-stream")

EventT = TypeVar("EventT", RequestEvent, ChunkEvent, ResponseEvent)


class LineMasker(Masker):
    """Masks what files of others show, and leaves the marks in our own as they are."""

    def _mark(self, secret: bytes) -> bytes:
        return secret if _MARK.fullmatch(secret) else super()._mark(secret)


def events_of(line: Line, masker: Masker) -> Iterator[ExchangeEvent]:
    """Request, pieces of the answer, response; without the latter while it was running.

    Raises:
        BadLine: what it says makes no exchange; it may have given some events before.
    """
    try:
        exchange, request = _begin(line, masker)
        yield _imported(request)
        if line.response is not None:
            yield from _answer(line, line.response, exchange, masker)
    except (ValueError, OverflowError) as error:
        raise BadLine(f"its times are beyond the calendar ({error})", "startedAt") from None


def _begin(line: Line, masker: Masker) -> tuple[Exchange, RequestEvent]:
    asked = line.request
    assert isinstance(line.id, UUID)
    assert isinstance(line.domain, str)
    body = _bytes(asked.body, asked.body_base64)
    fields = masker.fields(_wire(headers_of(asked)))
    record = RequestRecord(
        started_at=line.started_at.timestamp(),
        domain=line.domain,
        method=asked.method,
        path=asked.path,
        query=masker.query(asked.query),
        headers=_without(fields, _ENCODING) if isinstance(asked.body, Raw) else fields,
        body=body,
        tag=or_none(asked.tag),
        client_address=or_none(asked.client_address),
    )
    exchange, event = begin(line.id, record)
    data = replace(
        event.data,
        headers=_text(fields),
        account_id=line.account_id,
        key_name=or_none(asked.key_name),
        **_given(body_size=asked.size),
    )
    return exchange, replace(event, data=data)


def _answer(line: Line, response: Response, exchange: Exchange, masker: Masker) -> Iterator[ExchangeEvent]:
    """The pieces of the stream, if there is one, and the end."""
    fields = masker.fields(_wire(headers_of(response)))
    stream = response.stream
    if stream is not None:
        _head(exchange, response, [*_without(fields, _KIND, _ENCODING), _SSE])
        for piece in _cut(stream, response):
            if (chunk := exchange.piece(piece)) is not None:
                yield _imported(chunk)
        if (chunk := exchange.chunk()) is not None:
            yield _imported(chunk)
    if stream is None or _has_body(response):
        exchange = _begin(line, masker)[0]  # an exchange has one answer: the stream's part in it is told
        _head(exchange, response, _without(fields, _KIND, _ENCODING))
        if body := _bytes(response.body, response.body_base64):
            exchange.piece(Piece(_first_byte(response), body))
    yield _imported(_end(line, response, exchange, _text(fields)))


def _head(exchange: Exchange, response: Response, fields: Headers) -> None:
    if response.status is not None:
        exchange.head(Head(_first_byte(response), response.status, fields))


def _end(line: Line, response: Response, exchange: Exchange, headers: list[Header]) -> ResponseEvent:
    lasted = or_none(response.duration_ms)
    event = exchange.end(End(lasted, Ending.WHOLE))
    judged = event.data
    outcome = judged.outcome if response.outcome is UNSET else response.outcome
    error = None if outcome == "complete" else or_none(response.error) or judged.error
    data = replace(
        judged,
        outcome=outcome,
        error=error,
        headers=headers,
        account_id=line.account_id,
        streamed=response.stream is not None if response.streamed is UNSET else response.streamed,
        **_given(first_byte_ms=response.first_byte_ms, first_token_ms=response.first_token_ms, body_size=response.size),
    )
    return replace(event, data=data)


def _cut(stream: bytes, response: Response) -> Iterator[Piece]:
    """The stream in the parts in which it came; what no part accounts for came last."""
    at, begun = _first_byte(response), 0
    for at, length in response.pieces if isinstance(response.pieces, list) else []:
        if length and begun < len(stream):
            yield Piece(at, stream[begun : begun + length])
        begun += length
    if begun < len(stream):
        yield Piece(at, stream[begun:])


def _first_byte(response: Response) -> float:
    """Where the line does not say, the answer came whole at its end."""
    known = or_none(response.first_byte_ms)
    return float(known if known is not None else or_none(response.duration_ms) or 0)


def _has_body(response: Response) -> bool:
    return response.body is not UNSET or response.body_base64 is not UNSET


def _bytes(body: Any, other: Any) -> bytes:
    if isinstance(body, Raw):
        return bytes(body)
    return other if isinstance(other, bytes) else b""


def _imported(event: EventT) -> EventT:
    return replace(event, source=SOURCE_IMPORT)


def _given(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not UNSET}


def _without(fields: Headers, *names: bytes) -> Headers:
    return [(name, value) for name, value in fields if name not in names]


def _wire(headers: Iterable[Header]) -> Headers:
    """Fields as on the wire: texts that no header can hold came from a file that read them as UTF-8."""
    return [(_octets(name.lower()), _octets(value)) for name, value in headers]


def _octets(text: str) -> bytes:
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace")


def _text(fields: Headers) -> list[Header]:
    return [(name.decode("latin-1"), value.decode("latin-1")) for name, value in fields]
