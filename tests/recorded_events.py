"""The recorded samples as the events that the shipper would make of them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from uuid import UUID

from plait.common.events import ChunkData, RequestData, ResponseData
from plait.common.ids import new_exchange_id
from plait.fakes.player import domain_of
from plait.fakes.recordings import Recording, load, samples_folder
from plait.gateway.shipper.exchange import Exchange
from plait.gateway.spool.records import End, Ending, Head, Piece, Request
from tests.exchange_events import Part

_ENDINGS = {"cut_by_server": Ending.UPSTREAM_CUT, "client_disconnected": Ending.CLIENT_GONE}


class Played:
    """A recorded exchange with the id it has here and the parts of its record, in their order."""

    def __init__(self, recording: Recording) -> None:
        self.recording = recording
        self.id: UUID = new_exchange_id(recording.started)
        self.parts: list[Part] = list(_parts(recording, self.id))

    @property
    def number(self) -> int:
        return self.recording.number


@cache
def scenarios() -> dict[str, list[Played]]:
    """Scenarios by name; the same ids for the whole run of tests."""
    return {name: [Played(one) for one in found] for name, found in load(samples_folder()).items()}


def everything() -> list[Part]:
    """All parts of all exchanges in the order in which they came."""
    return [part for found in scenarios().values() for one in found for part in one.parts]


def _parts(recording: Recording, number: UUID) -> Iterator[Part]:
    path, _, query = recording.target.partition("?")
    request = Request(
        recording.started,
        domain_of(recording.scenario),
        recording.method,
        path,
        query,
        recording.headers,
        recording.body or b"",
    )
    exchange = Exchange(number, request)
    lasted = (recording.ended - recording.started) * 1000
    exchange.head(Head(0.0, recording.status, recording.answer_headers))
    exchange.piece(Piece(lasted / 2, recording.answer_body))
    yield _known(exchange.request_event.data)
    if exchange.has_chunk and (chunk := exchange.chunk()):
        yield _known(chunk.data)
    yield _known(exchange.end(End(lasted, _ENDINGS.get(recording.outcome, Ending.WHOLE))).data)


def _known(data: RequestData | ResponseData | ChunkData) -> Part:
    return data
