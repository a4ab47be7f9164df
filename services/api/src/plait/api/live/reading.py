"""From records to what is told of them. Bodies are passed over: of a request only its model is read."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

import msgspec
from aiokafka import TopicPartition
from aiokafka.structs import ConsumerRecord
from msgspec import UNSET, Raw, Struct, UnsetType

from plait.api.live.places import INDEX, mark_of
from plait.common.events import SOURCE_IMPORT, ConversationData, Data, Fault, Outcome

Record = ConsumerRecord[bytes | None, bytes | None]


class Started(Data, frozen=True, kw_only=True, rename="camel"):
    """What is read of a request."""

    path: str
    body: Raw | UnsetType = UNSET
    tag: str | None = None
    key_name: str | None = None
    account_id: str | None = None


class _Offset(Struct, frozen=True, rename="camel"):
    offset_ms: float


class Piece(Data, frozen=True, kw_only=True, rename="camel"):
    """What is read of a piece of an answer."""

    index: int
    pieces: list[_Offset]


class Ended(Data, frozen=True, kw_only=True, rename="camel"):
    """What is read of an answer."""

    outcome: Outcome
    status: int | None
    first_byte_ms: float | None = None
    first_token_ms: float | None = None
    duration_ms: float
    usage: Raw | UnsetType = UNSET
    model: str | None = None
    account_id: str | None = None
    error: Fault | None = None


class _Event(Struct, frozen=True, kw_only=True):
    source: str = ""


class _Request(_Event, frozen=True, kw_only=True, tag_field="type", tag="plait.request.v1"):
    data: Started


class _Chunk(_Event, frozen=True, kw_only=True, tag_field="type", tag="plait.chunk.v1"):
    data: Piece


class _Response(_Event, frozen=True, kw_only=True, tag_field="type", tag="plait.response.v1"):
    data: Ended


class _Conversation(_Event, frozen=True, kw_only=True, tag_field="type", tag="plait.conversation.v1"):
    data: ConversationData


class _Asked(Struct, frozen=True):
    model: Any = None


Seen = Started | Piece | Ended | ConversationData

_decoder: Final = msgspec.json.Decoder(_Request | _Chunk | _Response | _Conversation)
_UNREADABLE: Final = (msgspec.DecodeError, RecursionError, UnicodeDecodeError)


class Read(Struct, frozen=True):
    """A record as it is told of, with its place; what it holds beyond is let go."""

    place: int
    offset: int
    mark: int
    time_ms: int
    seen: Seen | None
    """None: nothing is told of it."""
    model: str | None = None
    """The one that a request asks for."""


def read(record: Record) -> Read:
    """What is told of a record. One that is imported is no news; one that cannot be read is another part's to tell."""
    seen = _seen(record.value)
    model = _model(seen.body) if isinstance(seen, Started) else None
    if isinstance(seen, Started) and seen.body is not UNSET:
        seen = msgspec.structs.replace(seen, body=UNSET)  # it would hold the whole record in memory
    place = INDEX[TopicPartition(record.topic, record.partition)]
    return Read(place, record.offset, mark_of(record), record.timestamp, seen, model)


def in_order(partitions: Iterable[Sequence[Read]]) -> Iterator[Read]:
    """What was read of all partitions, by time: each partition's own order is kept."""
    merged = heapq.merge(*map(_with_time, partitions), key=lambda pair: pair[0])
    return (found for _, found in merged)


def _with_time(reads: Sequence[Read]) -> Iterator[tuple[int, Read]]:
    """Clocks differ: a record is as late as the latest before it."""
    latest = 0
    for found in reads:
        latest = max(latest, found.time_ms)
        yield latest, found


def _seen(value: bytes | None) -> Seen | None:
    try:
        event = _decoder.decode(value or b"")
    except _UNREADABLE:
        return None
    return None if event.source == SOURCE_IMPORT else event.data


def _model(body: Raw | UnsetType) -> str | None:
    if body is UNSET:
        return None
    try:
        model = msgspec.json.decode(body, type=_Asked).model
    except _UNREADABLE:
        return None
    return model if isinstance(model, str) else None
