"""What is recorded of an exchange: a request, the answer's head, its pieces, and the end. MessagePack arrays.

Secrets are masked before a record is made. Times of day are unix seconds; `at_ms` counts from the request's
`started_at`. Header fields are (name, value) as on the wire.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TypeVar

import msgspec
from msgspec import Struct

from plait.gateway.spool.frames import Frame, Kind

Headers = list[tuple[bytes, bytes]]


class Ending(StrEnum):
    """How the transport of an exchange ended; what that means for the outcome is the shipper's business."""

    WHOLE = "whole"
    UPSTREAM_CUT = "upstream_cut"
    CLIENT_GONE = "client_gone"
    DRAINED = "drained"
    """The client left, and what came afterwards was read for the record only."""
    NO_ANSWER = "no_answer"
    REFUSED = "refused"
    GATEWAY_LOST = "gateway_lost"
    CAPTURE_LOST = "capture_lost"


class Request(Struct, array_like=True, frozen=True):
    """The request as received, body raw."""

    started_at: float
    domain: str
    method: str
    path: str
    query: str
    headers: Headers
    body: bytes
    tag: str | None = None
    client_address: str | None = None
    account_id: str | None = None
    key_name: str | None = None


class Head(Struct, array_like=True, frozen=True):
    """Status and header fields of the answer that the client got."""

    at_ms: float
    status: int
    headers: Headers


class Piece(Struct, array_like=True, frozen=True):
    """Bytes of the answer that arrived together, content encoding still on."""

    at_ms: float
    data: bytes


class Answer(Struct, array_like=True, frozen=True):
    """A whole answer that came in one piece: head and bytes."""

    status: int
    headers: Headers
    data: bytes


class End(Struct, array_like=True, frozen=True):
    """Nothing follows. `at_ms` is None where the gateway did not live to see it."""

    at_ms: float | None
    ending: Ending
    error_type: str = ""
    message: str = ""
    answer: Answer | None = None
    """What came together with its end; otherwise `Head` and `Piece` have told it."""


Record = Request | Head | Piece | End
RecordT = TypeVar("RecordT", Request, Head, Piece, End)

_KINDS: dict[type[Record], Kind] = {Request: Kind.REQUEST, Head: Kind.HEAD, Piece: Kind.PIECE, End: Kind.END}
_encoder = msgspec.msgpack.Encoder()
_decoders: dict[int, msgspec.msgpack.Decoder[Record]] = {
    kind: msgspec.msgpack.Decoder(type_) for type_, kind in _KINDS.items()
}


def to_frame(exchange: bytes, record: Record) -> Frame:
    """The record as it goes into a segment."""
    return Frame(_KINDS[type(record)], exchange, _encoder.encode(record))


def from_frame(frame: Frame) -> Record:
    """The record that a frame holds.

    Raises:
        msgspec.DecodeError: it was written by another version.
    """
    return _decoders[frame.kind].decode(frame.payload)
