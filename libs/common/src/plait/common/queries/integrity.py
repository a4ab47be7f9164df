"""Whether what is kept is whole: tables against each other, blobs against their names, usage against answers.

Reads everything; holds little, and no transaction for long.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

import asyncpg

from plait.common.blobs import hash_of, unshelve
from plait.common.events import json_or_none
from plait.common.queries.exchanges import ExchangeFilter
from plait.common.queries.named import statements
from plait.common.queries.whole import Damaged, Recorded, read_all
from plait.common.usage import parse

_SQL: Final = statements("integrity") | {"sums": statements("sums")["sums"]}
TABLES: Final = ("halves", "rows", "parts", "chains", "links", "conversations", "usage", "sums")
"""The checks of tables against each other, by the names of their statements."""
MOST_NAMED: Final = 5
"""Of what is wrong so many are named."""
_BLOBS: Final = 500
_BLOB_BYTES: Final = 8 * 1024 * 1024
_EXCHANGES: Final = 100
_BEHIND: Final = timedelta(minutes=1)
"""How far the ledger may be behind with nothing wrong."""


@dataclass
class Wrong:
    """What a check found."""

    total: int = 0
    named: list[str] = field(default_factory=list)
    """The first of them."""

    def add(self, which: str) -> None:
        """One more."""
        self.total += 1
        if len(self.named) < MOST_NAMED:
            self.named.append(which)


async def compare_tables(pool: asyncpg.Pool, check: str) -> Wrong:
    """One of the checks of `TABLES`."""
    sql, arguments = _SQL[check].bind({"most": MOST_NAMED})
    rows = await pool.fetch(sql, *arguments)
    return Wrong(rows[0]["total"] if rows else 0, [row["which"] for row in rows])


async def check_blobs(pool: asyncpg.Pool, advance: Callable[[int], None]) -> Wrong:
    """Blobs that are not what their names say; `advance` is called with how many are looked at."""
    wrong, seen = Wrong(), 0
    async for hashes in _blob_runs(pool):
        sql, arguments = _SQL["contents"].bind({"hashes": hashes})
        for row in await pool.fetch(sql, *arguments):
            if not _is_good(row):
                wrong.add(row["hash"].hex())
        seen += len(hashes)
        advance(seen)
    return wrong


async def check_exchanges(pool: asyncpg.Pool, advance: Callable[[int], None]) -> tuple[Wrong, Wrong]:
    """Exchanges that cannot be put together again, and those whose usage is not what their answer told."""
    damaged, unaccounted, seen = Wrong(), Wrong(), 0
    run: list[Recorded] = []
    async for number, found in read_all(pool, ExchangeFilter()):
        if isinstance(found, Damaged):
            damaged.add(f"{number} ({found})")
        else:
            run.append(found)
        seen += 1
        advance(seen)
        if len(run) == _EXCHANGES:
            await _check_usage(pool, run, unaccounted)
            run = []
    await _check_usage(pool, run, unaccounted)
    return damaged, unaccounted


async def _blob_runs(pool: asyncpg.Pool) -> AsyncIterator[list[bytes]]:
    after: bytes | None = None
    while True:
        sql, arguments = _SQL["sizes"].bind({"after": after, "limit": _BLOBS})
        rows = await pool.fetch(sql, *arguments)
        run: list[bytes] = []
        size = 0
        for row in rows:
            if run and size + row["size"] > _BLOB_BYTES:
                yield run
                run, size = [], 0
            run.append(row["hash"])
            size += row["size"]
        if not run:
            return
        yield run
        after = rows[-1]["hash"]


def _is_good(row: asyncpg.Record) -> bool:
    try:
        data = unshelve(row["encoding"], row["data"])
    except ValueError:
        return False
    return bool(len(data) == row["size"] and hash_of(data) == row["hash"])


async def _check_usage(pool: asyncpg.Pool, run: Sequence[Recorded], wrong: Wrong) -> None:
    told = {one.id: figures for one in run if (figures := _told(one))}
    sql, arguments = _SQL["reported"].bind({"ids": list(told)})
    kept = {UUID(int=row[0].int): tuple(row)[1:] for row in await pool.fetch(sql, *arguments)}
    for number, figures in told.items():
        if kept.get(number) != figures:
            wrong.add(str(number))


def _told(one: Recorded) -> tuple[int, ...] | None:
    """Tokens that the answer tells of; None if it tells of none, or has come just now."""
    if one.answered is None or _ended(one, one.answered.duration_ms) > datetime.now(UTC) - _BEHIND:
        return None
    body: Any = json_or_none(one.answered.body)
    usage = body.get("usage") if isinstance(body, dict) else None
    if not isinstance(usage, dict) or not usage:
        return None
    seen = parse(usage)
    return seen.input_tokens, seen.output_tokens, seen.cache_read_tokens, seen.cache_creation_tokens


def _ended(one: Recorded, lasted_ms: float) -> datetime:
    return one.started_at + timedelta(milliseconds=lasted_ms)
