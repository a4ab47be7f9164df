"""The ledger's consumer: one row an exchange that reported usage."""

from __future__ import annotations

from collections.abc import Sequence

from plait.common.consumer import Record, Rejected
from plait.common.errors import BadRecord
from plait.common.events import SOURCE_IMPORT, ResponseEvent
from plait.common.postgres import Database
from plait.ledger import statements
from plait.ledger.rows import Row, row_of


class Ledger:
    """Stores the usage that answers report."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def process(self, batch: Sequence[Record]) -> Sequence[Rejected]:
        """Store a batch of answers; see `plait.common.consumer.Processor`."""
        rows, rejected = _sort_out(batch)
        if rows:
            async with self._database.transaction() as connection:
                await connection.execute(statements.ADD, *map(list, zip(*rows, strict=True)))
        return rejected


def _sort_out(batch: Sequence[Record]) -> tuple[list[Row], list[Rejected]]:
    rows: list[Row] = []
    rejected: list[Rejected] = []
    for record in batch:
        try:
            row = _row(record)
        except BadRecord as error:
            rejected.append(Rejected(record, str(error)))
        else:
            rows += [row] if row else []
    return rows, rejected


def _row(record: Record) -> Row | None:
    if not isinstance(record.event, ResponseEvent):
        raise BadRecord(f"{type(record.event).__name__} is no answer")
    row = row_of(record.event.data)
    return row and (*row, record.event.source == SOURCE_IMPORT)
