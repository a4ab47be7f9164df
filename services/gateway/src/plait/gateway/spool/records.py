"""What is recorded of an exchange: a request, the answer's head, its pieces, and the end. MessagePack arrays.

Secrets are masked before a record is made. Times of day are unix seconds; `at_ms` counts from the request's
`started_at`. Header fields are (name, value) as on the wire.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TypeVar

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from plait.gateway.spool.frames import Frame, Kind, LongFrame

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
_NO_BYTES = _encoder.encode(b"")
_SMALL = 32 * 1024
"""Bytes below which pieces of a body are gathered: one that comes byte by byte would take a hundred times its size."""
_decoders: dict[int, msgspec.msgpack.Decoder[Record]] = {
    kind: msgspec.msgpack.Decoder(type_) for type_, kind in _KINDS.items()
}


def to_frame(exchange: bytes, record: Record) -> Frame:
    """The record as it goes into a segment."""
    return Frame(_KINDS[type(record)], exchange, _encoder.encode(record))


class LongRequest:
    """A request whose body goes into its record in the pieces that it comes in, uncopied unless they are small."""

    __slots__ = ("_after", "_frame", "_request", "_size", "_small", "came")

    def __init__(self, exchange: bytes, request: Request, size: int) -> None:
        """`request`: all but its body, which is going to have `size` bytes."""
        self._after = b"".join(
            map(_encoder.encode, (request.tag, request.client_address, request.account_id, request.key_name))
        )
        before = _encoder.encode(request)[: -len(_NO_BYTES) - len(self._after)] + _bytes_head(size)
        self._frame = LongFrame(Kind.REQUEST, exchange, len(before) + size + len(self._after))
        self._frame.add(before)
        self._request = request
        self._size = size
        self._small = bytearray()
        self.came = 0
        """Bytes of the body so far."""

    def add(self, piece: bytes) -> None:
        """The next bytes of the body."""
        self.came += len(piece)
        if len(piece) < _SMALL or self._small:
            self._small += piece
            if len(self._small) < _SMALL:
                return
            piece = bytes(self._small)
            self._small.clear()
        self._frame.add(piece)

    def record(self) -> LongFrame | Request:
        """What is to be written, asked for once; of a request that is not whole, what has come."""
        self._frame.add(bytes(self._small))
        if self.came < self._size:
            return replace(self._request, body=b"".join(self._frame.parts[2:]))
        self._frame.add(self._after)
        return self._frame


def _bytes_head(size: int) -> bytes:
    """What MessagePack puts before so many bytes (bin 32, which is right for any number)."""
    return b"\xc6" + size.to_bytes(4, "big")


def from_frame(frame: Frame) -> Record:
    """The record that a frame holds.

    Raises:
        msgspec.DecodeError: it was written by another version.
    """
    return _decoders[frame.kind].decode(frame.payload)
