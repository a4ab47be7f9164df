"""How a record lies in a segment: marker, kind, exchange, length, checksum, payload.

The checksum covers kind, exchange, length and payload. The marker lets a reader find the next whole frame behind a
damaged one; that it may occur inside a payload does no harm, because what follows it then fails the checksum.
"""

from __future__ import annotations

import struct
from enum import IntEnum
from typing import Final, NamedTuple

from zlib_ng.zlib_ng import crc32  # the same as zlib's, ten times as fast

MARKER: Final = b"\xf5Plt"
HEAD: Final = struct.Struct(">4sB16sII")
_CHECKED: Final = slice(len(MARKER), HEAD.size - 4)
MAX_PAYLOAD: Final = 1 << 30
"""Bytes; a length above it can only be damage."""


class Kind(IntEnum):
    """What a frame's payload is (see `records`)."""

    REQUEST = 1
    HEAD = 2
    PIECE = 3
    END = 4
    LIFE = 5
    """A writer began: whatever ran before has no writer any more. No payload, no exchange."""


_KINDS: Final = frozenset(Kind)


class Frame(NamedTuple):
    """A whole, checked record: its kind, the exchange's id (16 bytes) and the payload."""

    kind: int
    exchange: bytes
    payload: bytes

    @property
    def size(self) -> int:
        """Bytes that it takes in a segment."""
        return HEAD.size + len(self.payload)


class LongFrame:
    """A record on its way to the spool whose payload stays in pieces, checked as they come: nothing of it is copied."""

    __slots__ = ("_bare", "_checksum", "_parts", "exchange", "kind", "size")

    def __init__(self, kind: int, exchange: bytes, length: int) -> None:
        """`length`: bytes of the payload that `add` is going to get."""
        self.kind = kind
        self.exchange = exchange
        self.size = HEAD.size + length
        """Bytes that it takes in a segment."""
        self._bare = HEAD.pack(MARKER, kind, exchange, length, 0)
        self._checksum = crc32(self._bare[_CHECKED])
        self._parts: list[bytes] = []

    def add(self, part: bytes) -> None:
        """The next bytes of the payload."""
        self._checksum = crc32(part, self._checksum)
        self._parts.append(part)

    @property
    def parts(self) -> list[bytes]:
        """All of it, once the payload is whole, as it lies in a segment."""
        return [self._bare[:-4] + self._checksum.to_bytes(4, "big"), *self._parts]

    def joined(self) -> Frame:
        """The same record in one piece."""
        return Frame(self.kind, self.exchange, b"".join(self._parts))


def frame_head(kind: int, exchange: bytes, payload: bytes) -> bytes:
    """What goes before `payload` in a segment."""
    bare = HEAD.pack(MARKER, kind, exchange, len(payload), 0)
    return bare[:-4] + crc32(payload, crc32(bare[_CHECKED])).to_bytes(4, "big")


def frame_size(data: bytes, at: int) -> int | None:
    """Bytes that the frame at `at` takes as its head says; None when no head stands there."""
    if len(data) - at < HEAD.size:
        return None
    marker, kind, _, length, _ = HEAD.unpack_from(data, at)
    if marker != MARKER or kind not in _KINDS or length > MAX_PAYLOAD:
        return None
    return HEAD.size + int(length)


def frame_at(data: bytes, at: int) -> Frame | None:
    """The frame at `at`, None when it is not whole or its checksum fails."""
    size = frame_size(data, at)
    if size is None or len(data) - at < size:
        return None
    _, kind, exchange, _, checksum = HEAD.unpack_from(data, at)
    payload = data[at + HEAD.size : at + size]
    head = data[at + _CHECKED.start : at + _CHECKED.stop]
    return Frame(kind, exchange, payload) if crc32(payload, crc32(head)) == checksum else None
