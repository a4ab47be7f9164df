"""A batch of records, read: rows for each table, and what cannot be read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from plait.common.consumer import Record, Rejected
from plait.common.errors import BadRecord
from plait.common.events import SOURCE_IMPORT, RequestData, RequestEvent, ResponseData, ResponseEvent
from plait.common.pricing.book import PriceBook
from plait.ledger.calls import calls, results
from plait.ledger.limits import Seen, Told, Whose, Window, told
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
        """For `statements.SEE_LIMITS`: of each account and header what was seen last."""
        newest: dict[tuple[Whose, str], tuple[Seen, str]] = {}
        for one in self.told:
            for name, value in one.values.items():
                known = newest.get((one.whose, name))
                if known is None or known < (one.seen, value):
                    newest[one.whose, name] = (one.seen, value)
        rows = ((*whose, name, value, seen.at, seen.exchange_id) for (whose, name), (seen, value) in newest.items())
        return sorted(rows, key=_by_place)

    def window_rows(self) -> list[Row]:
        """For `statements.SEE_WINDOWS`: each window with its first and last sight."""
        sights: dict[tuple[Whose, str, object], list[tuple[Seen, Window]]] = {}
        for one in self.told:
            for window in one.windows:
                sights.setdefault((one.whose, window.claim, window.ends_at), []).append((one.seen, window))
        return sorted((_window_row(whose, seen) for (whose, _, _), seen in sights.items()), key=_by_place)


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
            batch.warnings.append((*whose, seen.exchange_id, seen.at, warned.status, warned.claim, imported))


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


def _window_row(whose: Whose, sights: Sequence[tuple[Seen, Window]]) -> Row:
    first = min(seen.at for seen, _ in sights)
    last, window = max(sights, key=lambda sight: (sight[0], sight[1].status or ""))
    utilization = None if window.utilization is None else str(window.utilization)
    return (*whose, window.claim, window.ends_at, first, last.at, utilization, window.status)


def _by_place(row: Row) -> tuple[str, str, str, str]:
    """The order of the index: two ledgers take the rows of one account in the same order."""
    return row[0] or "", row[1], row[2], str(row[3])
