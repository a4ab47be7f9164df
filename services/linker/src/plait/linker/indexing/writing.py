"""Rows of the index: those that are there already stay, so that indexing again changes nothing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from uuid import UUID

import asyncpg

from plait.common.search.slots import mask_of, masked, slot_of
from plait.linker.columns import columns
from plait.linker.indexing import statements
from plait.linker.indexing.news import News

Connection = asyncpg.pool.PoolConnectionProxy
_Place = tuple[UUID, int]


async def write(connection: Connection, exchanges: Iterable[UUID], news: Sequence[News]) -> None:
    """Make these the indexed messages of these exchanges."""
    wanted = {(one.exchange_id, one.message): one for one in news}
    rows = await connection.fetch(statements.INDEXED, list(exchanges))
    there = {(UUID(int=row["exchange_id"].int), row["message"]): row for row in rows}
    kept = {place for place, row in there.items() if place in wanted and _same(row, wanted[place])}
    if gone := sorted(there.keys() - kept):
        await connection.execute(statements.DROP, *columns(gone))
    if come := [one for place, one in wanted.items() if place not in kept]:
        await _add(connection, come)


def _same(row: asyncpg.Record, one: News) -> bool:
    return bool(row["blob"] == one.blob and row["terms"] == masked(one.terms, slot_of(row["number"])))


async def _add(connection: Connection, news: Sequence[News]) -> None:
    numbers = [row[0] for row in await connection.fetch(statements.NUMBERS, len(news))]
    numbered = list(zip(numbers, news, strict=True))
    await connection.executemany(
        statements.ADD,
        [
            (one.exchange_id, one.message, number, one.blob, masked(one.terms, slot_of(number)))
            for number, one in numbered
        ],
    )
    times: defaultdict[int, list[datetime]] = defaultdict(list)
    for number, one in numbered:
        times[slot_of(number)].append(one.started_at)
    await connection.execute(statements.PUT_SLOTS, *columns(_slot_rows(times)))


def _slot_rows(times: Mapping[int, Sequence[datetime]]) -> list[tuple[int, int, datetime, datetime]]:
    return [(slot, mask_of(slot), min(its), max(its)) for slot, its in sorted(times.items())]
