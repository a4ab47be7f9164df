"""The recorded samples as a stored history: events as the gateway's shipper makes them, stored by linker and ledger,
indexed, and seen by the cache doctor.

Each scenario is a domain of its own, `<scenario>.test`; ids are the same in every run.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from msgspec import UNSET, Raw

from plait.cli.exchange_file.events import LineMasker, events_of
from plait.common.consumer import Record
from plait.common.events import ChunkEvent, ExchangeEvent, Outcome, RequestEvent
from plait.common.exchange_file.line import Line, Request, Response, decode, encode
from plait.common.postgres import Database
from plait.common.pricing.book import PriceBook
from plait.common.topics import READS
from plait.fakes.recordings import Recording, load, samples_folder
from plait.ledger.cache.task import examine_some
from plait.ledger.processor import Ledger
from plait.linker.indexing.task import index_some
from plait.linker.processor import Linker

_OUTCOMES: Final[dict[str, Outcome]] = {"client_disconnected": "aborted", "cut_by_server": "interrupted"}
_BATCH: Final = 200
_LEDGERS: Final = frozenset(topic.name for topic in READS["plait.ledger"])
"""Topics that the ledger reads."""


@dataclass(frozen=True)
class Recorded:
    """A recording, and the id under which its exchange is stored."""

    id: UUID
    recording: Recording

    @property
    def domain(self) -> str:
        return f"{self.recording.scenario}.test"


History = dict[str, dict[int, Recorded]]
"""By scenario and number."""


async def store(url: str) -> History:
    """Fill a migrated database with all recordings."""
    lines = [(one, decode(encode(_line(one)))) for scenario in load(samples_folder()).values() for one in scenario]
    database = Database(url, name="recorded", size=2)
    try:
        linker, ledger = Linker(database, lambda: None), Ledger(database)
        records = list(_records(line for _, line in lines))
        for start in range(0, len(records), _BATCH):
            batch = records[start : start + _BATCH]
            assert not await linker.process(batch)
            assert not await ledger.process([record for record in batch if record.topic in _LEDGERS])
        while await index_some(database) or await examine_some(database, PriceBook()):
            pass
    finally:
        await database.close()
    found: History = {}
    for one, line in lines:
        assert isinstance(line.id, UUID)
        found.setdefault(one.scenario, {})[one.number] = Recorded(line.id, one)
    return found


def _records(lines: Iterator[Line]) -> Iterator[Record]:
    masker = LineMasker(b"0" * 32)
    for line in lines:
        for event in events_of(line, masker):
            yield Record(_topic(event), 0, 0, event)


def _topic(event: ExchangeEvent) -> str:
    if isinstance(event, RequestEvent):
        return "plait.requests"
    return "plait.chunks" if isinstance(event, ChunkEvent) else "plait.responses"


def _line(one: Recording) -> Line:
    path, _, query = one.target.partition("?")
    return Line(
        domain=f"{one.scenario}.test",
        started_at=datetime.fromtimestamp(one.started, UTC),
        request=Request(
            method=one.method,
            path=path,
            query=query,
            headers=one.headers,
            body=Raw(one.body) if one.body else UNSET,
            size=len(one.body or b""),
        ),
        response=_response(one),
    )


def _response(one: Recording) -> Response:
    lasted = round((one.ended - one.started) * 1000, 3)
    known: dict[str, Any] = {"status": one.status, "headers": one.answer_headers, "duration_ms": lasted}
    if one.outcome in _OUTCOMES:
        known["outcome"] = _OUTCOMES[one.outcome]
    if one.streamed:
        return Response(**known, sse=one.answer_body.decode(), first_byte_ms=lasted / 2)
    return Response(**known, body=Raw(one.answer_body) if _is_json(one.answer_body) else UNSET)


def _is_json(body: bytes) -> bool:
    try:
        json.loads(body)
    except ValueError:
        return False
    return True
