"""Places in the topics that are followed, and the ids of events: where in them a reader stands.

An id holds, for each partition, the offset of the record to be read next. Offsets alone would mean something else on a
broker that has begun anew: so it also holds who counted them, and a mark of the record read last, for who did not.
"""

from __future__ import annotations

import base64
import binascii
import struct
import zlib
from collections.abc import Sequence
from typing import Any, Final

from aiokafka import TopicPartition
from aiokafka.structs import ConsumerRecord
from msgspec import Struct

from plait.common.topics import CHUNKS, CONVERSATIONS, REQUESTS, RESPONSES

TOPICS: Final = (REQUESTS, CHUNKS, RESPONSES, CONVERSATIONS)
PLACES: Final = tuple(TopicPartition(topic.name, number) for topic in TOPICS for number in range(topic.partitions))
INDEX: Final = {place: index for index, place in enumerate(PLACES)}
_HEAD: Final = struct.Struct(">IBI")
_MARKED: Final = 256
"""Bytes of a record that are looked at."""
_LARGEST: Final = 2**63
_LONGEST: Final = 1000


class Position(Struct, frozen=True):
    """Where a reader stands."""

    offsets: tuple[int, ...]
    """Per place: the record to be read next."""
    life: int = 0
    """Random: of the reader, anew whenever the broker begins anew."""
    place: int = 0
    """Of the record that was read last."""
    mark: int = 0
    """Of that record; 0: none was read."""

    def __str__(self) -> str:
        head = _HEAD.pack(self.life, self.place, self.mark)
        return base64.urlsafe_b64encode(head + b"".join(map(_varint, self.offsets))).decode().rstrip("=")

    @classmethod
    def parse(cls, text: str) -> Position:
        """The position that `str` of it told.

        Raises:
            ValueError: it is none.
        """
        if len(text) > _LONGEST:
            raise ValueError("too long for a position")
        try:
            raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        except binascii.Error as error:
            raise ValueError("not a position") from error
        offsets = _offsets(raw[_HEAD.size :])
        if len(offsets) != len(PLACES):
            raise ValueError("not a position in these topics")
        life, place, mark = _HEAD.unpack_from(raw)
        if place >= len(PLACES):
            raise ValueError("not a position in these topics")
        return cls(offsets, life, place, mark)


def mark_of(record: ConsumerRecord[Any, bytes | None]) -> int:
    """What tells a record from another one of the same offset; never 0. An event begins with its id."""
    return zlib.crc32((record.value or b"")[:_MARKED]) or 1


def first_of(text: str | None) -> Position | None:
    """The position in a `Last-Event-ID`; None when there is none, or it is not ours."""
    try:
        return Position.parse(text) if text else None
    except ValueError:
        return None


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def _offsets(raw: Sequence[int]) -> tuple[int, ...]:
    found, number, shift = [], 0, 0
    for byte in raw:
        number |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            found.append(number)
            number, shift = 0, 0
    if shift or any(offset >= _LARGEST for offset in found):
        raise ValueError("not a position")
    return tuple(found)
