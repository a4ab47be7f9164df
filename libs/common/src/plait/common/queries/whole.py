"""Many exchanges as they were recorded: in the order of time, a bounded number of bytes at a time, nothing left out.

Who reads all of a large record cannot hold it, nor one transaction open for as long as that takes: exchanges come in
runs, each run seen at one moment.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import asyncpg
from msgspec import Struct

from plait.common.blobs import unshelve
from plait.common.bodies import answer_bytes, request_bytes
from plait.common.errors import DependencyDown, PlaitError
from plait.common.events import Fault, Header, Piece
from plait.common.frames import headers_of, settings_of
from plait.common.packing import unpack_headers, unpack_pieces
from plait.common.postgres import DOWN
from plait.common.queries.exchanges import ExchangeFilter, count_all, walk
from plait.common.queries.named import statements
from plait.common.queries.records import each_once
from plait.common.queries.scope import Pooled

_SQL: Final = statements("whole")
_BLOBS: Final = ("system", "tools", "content", "request_frame", "response_frame")
_RUN: Final = 100
_RUN_BYTES: Final = 8 * 1024 * 1024
"""Of bodies as received, per run; one exchange alone may be larger."""


class Damaged(PlaitError):
    """A part of an exchange is missing, or cannot be read."""


class Asked(Struct, frozen=True, kw_only=True):
    """A request as it was recorded."""

    method: str
    path: str
    query: str
    headers: list[Header]
    body: bytes
    """As received, or the same JSON value written anew, if it was taken apart to keep each message once."""
    body_is_as_received: bool
    """Its very bytes, but for content encoding, which is undone."""
    size: int
    """Bytes as received."""
    tag: str | None
    key_name: str | None
    client_address: str | None


class Answered(Struct, frozen=True, kw_only=True):
    """The end of an exchange as it was recorded."""

    outcome: str
    status: int | None
    headers: list[Header]
    body: bytes
    """As a request's; of an event stream the folded message."""
    body_is_as_received: bool
    size: int
    streamed: bool
    pieces: list[Piece]
    """The event stream as it came, if it was one and is still there."""
    first_byte_ms: float | None
    first_token_ms: float | None
    duration_ms: float
    error: Fault | None


class Recorded(Struct, frozen=True, kw_only=True):
    """An exchange with everything that was recorded of it."""

    id: UUID
    domain: str
    account_id: str | None
    started_at: datetime
    asked: Asked
    answered: Answered | None
    """None while it is running."""


@dataclass(frozen=True)
class _Parts:
    """What several exchanges of a run share."""

    links: Mapping[bytes, tuple[bytes | None, bytes]]
    """Parent and blob by link."""
    blobs: Mapping[bytes, bytes]
    """Plain bytes by hash."""
    runs: Mapping[UUID, list[tuple[int, bytes]]]
    """Number of the first piece, and the pieces as they are packed."""

    def messages(self, head: bytes | None) -> list[bytes]:
        """The messages of the chain that ends with `head`, first to last."""
        found = []
        while head is not None:
            if head not in self.links:
                raise Damaged(f"link {head.hex()} of its messages is missing")
            head, blob = self.links[head]
            found.append(self.blob(blob))
        return found[::-1]

    def blob(self, name: bytes) -> bytes:
        """A blob's plain bytes."""
        if name not in self.blobs:
            raise Damaged(f"blob {name.hex()} is missing")
        return self.blobs[name]


async def count(pool: Pooled, where: ExchangeFilter) -> int:
    """How many exchanges match now.

    Raises:
        DependencyDown: the database is away.
    """
    try:
        return await count_all(pool, where)
    except DOWN as error:
        raise DependencyDown(f"Postgres went away ({type(error).__name__}).") from error


async def read_all(pool: Pooled, where: ExchangeFilter) -> AsyncIterator[tuple[UUID, Recorded | Damaged]]:
    """Every exchange that matches, oldest first; one that is damaged says what is wrong with it.

    Raises:
        DependencyDown: the database went away.
    """
    runs = _runs(pool, where)
    while True:
        try:
            ids = await anext(runs, None)
            if ids is None:
                return
            rows, parts = await _read(pool, ids)
        except DOWN as error:
            raise DependencyDown(f"Postgres went away ({type(error).__name__}).") from error
        for row in rows:
            yield UUID(int=row["id"].int), _recorded_or_damaged(row, parts)


async def read_these(
    connection: asyncpg.pool.PoolConnectionProxy, ids: Sequence[UUID]
) -> dict[UUID, Recorded | Damaged]:
    """These exchanges as they stand now, those of them whose request is known."""
    rows = [row for row in await _fetch(connection, "exchanges", ids=list(ids)) if row["method"] is not None]
    parts = await _parts(connection, rows)
    return {UUID(int=row["id"].int): _recorded_or_damaged(row, parts) for row in rows}


async def read_one(pool: Pooled, exchange_id: UUID) -> Recorded | Damaged | None:
    """One exchange as it was recorded; None if there is no such."""
    rows, parts = await _read(pool, [exchange_id])
    return next((_recorded_or_damaged(row, parts) for row in rows if row["method"] is not None), None)


async def _read(pool: Pooled, ids: list[UUID]) -> tuple[list[asyncpg.Record], _Parts]:
    async with pool.acquire() as connection, connection.transaction(isolation="repeatable_read", readonly=True):
        rows = await _fetch(connection, "exchanges", ids=ids)
        return rows, await _parts(connection, rows)


async def _runs(pool: Pooled, where: ExchangeFilter) -> AsyncIterator[list[UUID]]:
    run: list[UUID] = []
    size = 0
    async for number, its_size in walk(pool, where):
        if run and (len(run) >= _RUN or size + its_size > _RUN_BYTES):
            yield run
            run, size = [], 0
        run.append(number)
        size += its_size
    if run:
        yield run


async def _parts(connection: asyncpg.pool.PoolConnectionProxy, rows: Sequence[asyncpg.Record]) -> _Parts:
    heads = {row["chain"] for row in rows} - {None}
    links = {row["hash"]: (row["parent"], row["blob"]) for row in await _fetch(connection, "links", heads=list(heads))}
    wanted = {row[name] for row in rows for name in _BLOBS} - {None}
    wanted |= {blob for _, blob in links.values()}
    blobs = await _fetch(connection, "blobs", hashes=list(wanted))
    chunks = await _fetch(connection, "chunks", ids=[row["id"] for row in rows])
    return _Parts(links, dict(_unshelved(blobs)), _runs_of(chunks))


def _unshelved(rows: Iterable[asyncpg.Record]) -> Iterator[tuple[bytes, bytes]]:
    """A damaged blob counts as missing."""
    for row in rows:
        try:
            yield row["hash"], unshelve(row["encoding"], row["data"])
        except ValueError:
            continue


def _runs_of(rows: Iterable[asyncpg.Record]) -> dict[UUID, list[tuple[int, bytes]]]:
    found: dict[UUID, list[tuple[int, bytes]]] = {}
    for row in rows:
        found.setdefault(row["exchange_id"], []).append((row["first_index"], row["data"]))
    return found


async def _fetch(connection: asyncpg.pool.PoolConnectionProxy, name: str, **values: object) -> list[asyncpg.Record]:
    sql, arguments = _SQL[name].bind(values)
    found: list[asyncpg.Record] = await connection.fetch(sql, *arguments)
    return found


def _recorded_or_damaged(row: asyncpg.Record, parts: _Parts) -> Recorded | Damaged:
    try:
        return Recorded(
            id=UUID(int=row["id"].int),
            domain=row["domain"],
            account_id=row["account_id"],
            started_at=row["started_at"],
            asked=_asked(row, parts),
            answered=_answered(row, parts) if row["outcome"] else None,
        )
    except Damaged as damage:
        return damage
    except (ValueError, TypeError, LookupError) as error:  # what unpacking and putting together raise on damage
        return Damaged(f"a part of it cannot be read: {type(error).__name__}")


def _asked(row: asyncpg.Record, parts: _Parts) -> Asked:
    if row["request_remainder"] is None:
        raise Damaged("its request is missing")
    system, tools = (row[name] and parts.blob(row[name]) for name in ("system", "tools"))
    settings = settings_of(parts.blob(row["request_frame"])) if row["request_frame"] else None
    messages = parts.messages(row["chain"])
    body = request_bytes(row["request_remainder"], row["request_whole"], messages, system, tools, settings)
    return Asked(
        method=row["method"],
        path=row["path"],
        query=row["query"],
        headers=_headers(row, parts, "request"),
        body=body,
        body_is_as_received=row["request_whole"],
        size=row["request_size"],
        tag=row["tag"],
        key_name=row["key_name"],
        client_address=row["client_address"],
    )


def _answered(row: asyncpg.Record, parts: _Parts) -> Answered:
    if row["response_remainder"] is None:
        raise Damaged("its answer is missing")
    content = row["content"] and parts.blob(row["content"])
    runs = parts.runs.get(row["id"], [])
    return Answered(
        outcome=row["outcome"],
        status=row["status"],
        headers=_headers(row, parts, "response"),
        body=answer_bytes(row["response_remainder"], row["response_whole"], content),
        body_is_as_received=row["response_whole"] or content is None,
        size=row["response_size"],
        streamed=row["streamed"],
        pieces=[piece for _, piece in each_once((first, unpack_pieces(data)) for first, data in runs)],
        first_byte_ms=_rounded(row["first_byte_ms"]),
        first_token_ms=_rounded(row["first_token_ms"]),
        duration_ms=(row["ended_at"] - row["started_at"]) / timedelta(milliseconds=1),
        error=Fault(row["error_type"], row["error_message"] or "") if row["error_type"] else None,
    )


def _headers(row: asyncpg.Record, parts: _Parts, half: str) -> list[Header]:
    kept, frame = row[f"{half}_headers"], row[f"{half}_frame"]
    return headers_of(parts.blob(frame), kept) if frame else unpack_headers(kept)


def _rounded(milliseconds: Any) -> float | None:
    """Kept in four bytes: microseconds are noise beyond some seconds."""
    return None if milliseconds is None else round(milliseconds, 3)
