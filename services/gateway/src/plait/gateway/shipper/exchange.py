"""One exchange on its way from records to events. Pure: no clock, no broker."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

import msgspec
from msgspec import UNSET, Raw, UnsetType

from plait.common.events import (
    ChunkData,
    ChunkEvent,
    Header,
    RequestData,
    RequestEvent,
    ResponseData,
    ResponseEvent,
    chunk_event,
    request_event,
    response_event,
)
from plait.common.events import Piece as EventPiece
from plait.common.folding import Fold
from plait.common.threads import thread_of
from plait.gateway.encodings import Decoder, Identity, Undecodable, decoder_for
from plait.gateway.shipper.embedding import MOST_RAW, TOO_LARGE, Embedded, embed, field
from plait.gateway.shipper.outcome import judge
from plait.gateway.spool.records import End, Head, Headers, Piece, Request

_TRACE: Final = re.compile("(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
_BATCH_MS: Final = 100
_BATCH_BYTES: Final = 16 * 1024


def begin(exchange_id: UUID, request: Request) -> tuple[Exchange, RequestEvent]:
    """The exchange that a request opens, and the event that says so."""
    # Names in lower case, whichever way the request came: HTTP/1 clients write them as they like, HTTP/2 ones cannot.
    headers = [(name.lower(), value) for name, value in _as_text(request.headers)]
    embedded = embed(request.body, field(headers, "content-encoding"), keep_encoded=True)
    data = RequestData(
        exchange_id=exchange_id,
        domain=request.domain,
        thread=thread_of(headers, embedded.value, exchange_id),
        started_at=datetime.fromtimestamp(request.started_at, UTC),
        method=request.method,
        path=request.path,
        query=request.query,
        headers=headers,
        body=embedded.body,
        body_base64=embedded.body_base64,
        body_left_out=embedded.left_out,
        body_size=len(request.body),
        tag=request.tag,
        client_address=request.client_address,
        account_id=request.account_id,
        key_name=request.key_name,
    )
    event = request_event(data, traceparent=_trace(headers))
    return Exchange(data, _text(embedded.value, "model")), event


class Exchange:
    """Takes an answer's records in their order and gives its events in theirs: chunks, response.

    Of the request it keeps the names only: thousands may run at once, and a body may have 32 MB.
    """

    def __init__(self, begun: RequestData, asked_model: str | None) -> None:
        self._id = begun.exchange_id
        self._domain = begun.domain
        self._thread = begun.thread
        self._started_at = begun.started_at
        self._account_id = begun.account_id
        self._asked_model = asked_model
        self._message_due = (begun.method, begun.path) == ("POST", "/v1/messages")
        self._answer = Answer()

    def head(self, head: Head) -> None:
        """The answer began."""
        self._answer.head(head)

    def piece(self, piece: Piece) -> ChunkEvent | None:
        """Bytes of the answer; a chunk event when the batch before them is full."""
        self._answer.piece(piece)
        return self.chunk() if self._answer.batch_is_full else None

    @property
    def has_chunk(self) -> bool:
        """Whether pieces wait to be sent."""
        return bool(self._answer.batch)

    def chunk(self) -> ChunkEvent | None:
        """What has come of an event stream since the last chunk event."""
        index, pieces = self._answer.take_batch()
        if not pieces:
            return None
        data = ChunkData(
            exchange_id=self._id,
            domain=self._domain,
            thread=self._thread,
            started_at=self._started_at,
            index=index,
            pieces=pieces,
        )
        return chunk_event(data, self._at(pieces[0].offset_ms))

    def came_with(self, end: End) -> None:
        """The answer as far as it came together with its end."""
        if end.answer is not None and end.at_ms is not None:
            self._answer.head(Head(end.at_ms, end.answer.status, end.answer.headers))
            if end.answer.data:
                self._answer.piece(Piece(end.at_ms, end.answer.data))

    def end(self, end: End) -> ResponseEvent:
        """The answer ended; `came_with` must have been told before, and `chunk` asked."""
        answer = self._answer
        embedded = answer.embedded()
        outcome, fault = judge(end, answer.status, embedded.value, answer.stream, message_due=self._message_due)
        duration = end.at_ms if end.at_ms is not None else answer.last_ms
        data = ResponseData(
            exchange_id=self._id,
            domain=self._domain,
            thread=self._thread,
            started_at=self._started_at,
            outcome=outcome,
            status=answer.status,
            headers=answer.headers,
            ended_at=self._at(duration),
            first_byte_ms=answer.first_byte_ms,
            first_token_ms=answer.first_token_ms,
            duration_ms=duration,
            streamed=answer.stream is not None,
            body=embedded.body,
            body_base64=embedded.body_base64,
            body_left_out=embedded.left_out,
            body_size=answer.size,
            usage=_usage(embedded.value),
            model=_text(embedded.value, "model") or self._asked_model,
            account_id=self._account_id,
            error=fault,
        )
        return response_event(data)

    def _at(self, offset_ms: float) -> datetime:
        return self._started_at + timedelta(milliseconds=offset_ms)


class Answer:
    """The answer of an exchange as far as it has come."""

    def __init__(self) -> None:
        self.status: int | None = None
        self.headers: list[Header] = []
        self.stream: Fold | None = None
        self.first_byte_ms: float | None = None
        self.first_token_ms: float | None = None
        self.last_ms = 0.0
        self.size = 0
        self.batch: list[EventPiece] = []
        self._batch_bytes = 0
        self._next_index = 0
        self._raw: list[bytes] = []
        self._decoder: Decoder = Identity()

    def head(self, head: Head) -> None:
        """Status and fields; they say whether an event stream follows."""
        self.status, self.headers, self.last_ms = head.status, _as_text(head.headers), head.at_ms
        if "text/event-stream" not in field(self.headers, "content-type").lower():
            return
        try:
            # What a single piece swells to must fit an event.
            self._decoder = decoder_for(field(self.headers, "content-encoding"), most=MOST_RAW)
            self.stream = Fold()
        except Undecodable:
            return

    def piece(self, piece: Piece) -> None:
        """Bytes of the body: an event stream is folded as it comes, anything else is kept whole."""
        if self.first_byte_ms is None:
            self.first_byte_ms = piece.at_ms
        self.last_ms = piece.at_ms
        self.size += len(piece.data)
        if self.stream is not None:
            self._feed(self.stream, piece)
        elif self.size <= MOST_RAW:
            self._raw.append(piece.data)

    def _feed(self, stream: Fold, piece: Piece) -> None:
        try:
            data = self._decoder.feed(piece.data)
        except Undecodable as fault:
            data = fault.decoded
        stream.feed(data)
        if self.first_token_ms is None and stream.has_content:
            self.first_token_ms = piece.at_ms
        if data:
            self.batch.append(EventPiece(piece.at_ms, data))
            self._batch_bytes += len(data)

    @property
    def batch_is_full(self) -> bool:
        """By size, or by the time between its first and last piece."""
        if not self.batch:
            return False
        return self._batch_bytes >= _BATCH_BYTES or self.batch[-1].offset_ms - self.batch[0].offset_ms >= _BATCH_MS

    def take_batch(self) -> tuple[int, list[EventPiece]]:
        """The pieces that wait, with the number of the first."""
        index, pieces = self._next_index, self.batch
        self._next_index += len(pieces)
        self.batch, self._batch_bytes = [], 0
        return index, pieces

    def embedded(self) -> Embedded:
        """The body as an event holds it: of an event stream the message, or the error that came in its place."""
        if self.stream is None:
            if self.size > MOST_RAW:
                return TOO_LARGE
            return embed(b"".join(self._raw), field(self.headers, "content-encoding"), keep_encoded=False)
        value: Any = self.stream.message
        if value is None and self.stream.error is not None:
            error = self.stream.error
            value = {"type": "error", "error": {"type": error.type, "message": error.message}}
        return Embedded(UNSET if value is None else Raw(msgspec.json.encode(value)), UNSET, value)


def _as_text(fields: Headers) -> list[Header]:
    """Latin-1, which loses nothing."""
    return [(name.decode("latin-1"), value.decode("latin-1")) for name, value in fields]


def _trace(headers: list[Header]) -> str | None:
    """The client's place in a trace, if it says one as W3C's Trace Context wants it; the headers hold it anyway."""
    said = field(headers, "traceparent")
    return said if _TRACE.fullmatch(said) else None


def _usage(value: Any) -> Raw | UnsetType:
    usage = value.get("usage") if isinstance(value, dict) else None
    return Raw(msgspec.json.encode(usage)) if isinstance(usage, dict) else UNSET


def _text(value: Any, key: str) -> str | None:
    found = value.get(key) if isinstance(value, dict) else None
    return found if isinstance(found, str) else None
