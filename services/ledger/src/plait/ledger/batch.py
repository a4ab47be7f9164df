"""A batch of records, read: rows for each table, and what cannot be read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from plait.common.consumer import Record, Rejected
from plait.common.errors import BadRecord
from plait.common.events import SOURCE_IMPORT, RequestData, RequestEvent, ResponseData, ResponseEvent
from plait.common.limits import Seen, Told, Whose, Window, told
from plait.common.pricing.book import PriceBook
from plait.ledger.calls import calls, results
from plait.ledger.rows import Row, Used, stored_text, used


@dataclass
class Batch:
    """What a batch of exchanges' events says."""

    used: dict[UUID, Used] = field(default_factory=dict)
    """By exchange: what it told first."""
    calls: list[Row] = field(default_factory=list)
    """For `statements.ADD_CALLS`."""
    results: list[Row] = field(default_factory=list)
    """For `statements.ADD_RESULTS`."""
    warnings: list[Row] = field(default_factory=list)
    """For `statements.ADD_WARNINGS`."""
    told: list[Told] = field(default_factory=list)

    def limit_rows(self) -> list[Row]:
        """For `statements.SEE_LIMITS`: of each account and header what was seen last. In the order of the index."""
        newest: dict[tuple[str, str], tuple[Seen, str, Whose]] = {}
        for one in self.told:
            for name, value in one.values.items():
                sight, place = (one.seen, value, one.whose), (one.whose.name, name)
                known = newest.get(place)
                if known is None or known[:2] < sight[:2]:
                    newest[place] = sight
        return [
            (whose.account_id, whose.domain, name, value, seen.at, seen.exchange_id)
            for (_, name), (seen, value, whose) in sorted(newest.items(), key=lambda item: item[0])
        ]

    def window_rows(self) -> list[Row]:
        """For `statements.SEE_WINDOWS`: each window with its first and last sight. In the order of the index."""
        sights: dict[tuple[str, str, datetime], list[tuple[Told, Window]]] = {}
        for one in self.told:
            for window in one.windows:
                sights.setdefault((one.whose.name, window.claim, window.ends_at), []).append((one, window))
        return [_window_row(sights[place]) for place in sorted(sights)]


def read(records: Iterable[Record], book: PriceBook) -> tuple[Batch, list[Rejected]]:
    """Sort records out."""
    batch, rejected = Batch(), []
    for record in records:
        try:
            _read(record, batch, book)
        except BadRecord as error:
            rejected.append(Rejected(record, str(error)))
    return batch, rejected


def _read(record: Record, batch: Batch, book: PriceBook) -> None:
    event = record.event
    imported = event.source == SOURCE_IMPORT
    if isinstance(event, ResponseEvent):
        _read_answer(event.data, batch, book, imported=imported)
    elif isinstance(event, RequestEvent):
        batch.results += _result_rows(event.data, imported=imported)
    else:
        raise BadRecord(f"{type(event).__name__} is neither request nor answer")


def _read_answer(answer: ResponseData, batch: Batch, book: PriceBook, *, imported: bool) -> None:
    one = used(answer, book, imported=imported)
    if one:
        batch.used.setdefault(answer.exchange_id, one)
    batch.calls += _call_rows(answer, imported=imported)
    if limits := told(answer):
        batch.told.append(limits)
        if limits.warned:
            whose, seen, warned = limits.whose, limits.seen, limits.warned
            row = (whose.account_id, whose.domain, seen.exchange_id, seen.at, warned.status, warned.claim, imported)
            batch.warnings.append(row)


def _call_rows(answer: ResponseData, *, imported: bool) -> list[Row]:
    domain, account = stored_text(answer.domain), stored_text(answer.account_id)
    return [
        (
            call.key,
            domain,
            answer.exchange_id,
            account,
            call.tool,
            answer.ended_at,
            call.lines.added if call.lines else None,
            call.lines.removed if call.lines else None,
            imported,
        )
        for call in calls(answer)
    ]


def _result_rows(request: RequestData, *, imported: bool) -> list[Row]:
    domain = stored_text(request.domain)
    return [
        (result.key, domain, request.exchange_id, request.started_at, result.failed, imported)
        for result in results(request)
    ]


def _window_row(sights: Sequence[tuple[Told, Window]]) -> Row:
    first = min(told.seen.at for told, _ in sights)
    last, window = max(sights, key=lambda sight: (sight[0].seen, sight[1].status or ""))
    utilization = None if window.utilization is None else str(window.utilization)
    whose = last.whose
    return whose.account_id, whose.domain, window.claim, window.ends_at, first, last.seen.at, utilization, window.status
