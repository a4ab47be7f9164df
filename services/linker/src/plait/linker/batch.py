"""A batch of records, sorted by what they are, with their bodies taken apart and their facts read: no database yet."""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from asyncpg.pgproto import pgproto
from msgspec import Struct
from msgspec.structs import force_setattr

from plait.common.blobs import Blob
from plait.common.bodies import AnswerParts, RequestParts, take_apart_answer, take_apart_request
from plait.common.consumer import Record, Rejected
from plait.common.events import (
    SOURCE_IMPORT,
    ChunkData,
    ChunkEvent,
    ExchangeEvent,
    RequestData,
    RequestEvent,
    ResponseData,
    ResponseEvent,
)
from plait.common.frames import frame_of
from plait.common.lenient import read_json
from plait.linker.domain.answer import answer_facts
from plait.linker.domain.facts import AnswerFacts, Facts
from plait.linker.domain.request import request_facts
from plait.linker.domain.sent import body_of


class Asked(Struct, frozen=True):
    """A request: as it came, taken apart, and what linking reads of it."""

    data: RequestData
    parts: RequestParts
    facts: Facts
    frame: Blob
    beside_frame: bytes
    """What of the headers is not in it, packed."""


class Answered(Struct, frozen=True):
    """An answer, likewise."""

    data: ResponseData
    parts: AnswerParts
    facts: AnswerFacts
    frame: Blob
    beside_frame: bytes


@dataclass(frozen=True)
class Batch:
    """The exchanges' events of a batch, each once, whatever was delivered twice."""

    requests: dict[UUID, Asked] = field(default_factory=dict)
    responses: dict[UUID, Answered] = field(default_factory=dict)
    chunks: dict[tuple[UUID, int], ChunkData] = field(default_factory=dict)

    imported: set[UUID] = field(default_factory=set)
    """Those that somebody wants back, should they have been deleted."""

    def add_chunk(self, data: ChunkData) -> None:
        """Take in a run of pieces; of two that begin alike the longer one (see `statements.ADD_CHUNKS`)."""
        known = self.chunks.get((data.exchange_id, data.index))
        if known is None or len(known.pieces) < len(data.pieces):
            self.chunks[data.exchange_id, data.index] = data

    @property
    def exchanges(self) -> set[UUID]:
        """Every exchange that it tells of."""
        return {*self.requests, *self.responses, *(number for number, _ in self.chunks)}

    def domains_with(self, streams: Container[UUID]) -> set[str]:
        """The domains whose links it touches; `streams`: exchanges whose chunks tell something that links depend on."""
        domains = {one.data.domain for one in self.requests.values()}
        domains |= {one.data.domain for one in self.responses.values()}
        return domains | {data.domain for (number, _), data in self.chunks.items() if number in streams}


def read(records: Sequence[Record]) -> tuple[Batch, list[Rejected]]:
    """The batch, and the records that do not belong on the topics that the linker reads.

    Takes as long as the bodies are large: run it in a thread beside the loop.
    """
    batch = Batch()
    rejected = []
    for record in records:
        event = record.event
        if isinstance(event, ExchangeEvent):
            # Equal, and compared and hashed in C: ids are looked up by the hundred for each exchange.
            force_setattr(event.data, "exchange_id", pgproto.UUID(event.data.exchange_id.bytes))
        if event.source == SOURCE_IMPORT and isinstance(event, ExchangeEvent):
            batch.imported.add(event.data.exchange_id)
        if isinstance(event, RequestEvent):
            if event.data.exchange_id not in batch.requests:
                batch.requests[event.data.exchange_id] = _asked(event.data)
        elif isinstance(event, ResponseEvent):
            if event.data.exchange_id not in batch.responses:
                batch.responses[event.data.exchange_id] = _answered(event.data)
        elif isinstance(event, ChunkEvent):
            batch.add_chunk(event.data)
        else:
            rejected.append(Rejected(record, f"{type(event).__name__} is no event of an exchange"))
    return batch, rejected


def _asked(data: RequestData) -> Asked:
    body = body_of(data)
    read = read_json(body)
    parts = take_apart_request(body, read)
    return Asked(data, parts, request_facts(data, read), *frame_of(data.headers, parts.rest))


def _answered(data: ResponseData) -> Answered:
    body = body_of(data)
    read = read_json(body)
    return Answered(data, take_apart_answer(body, read), answer_facts(data, read), *frame_of(data.headers, {}))
