"""Exchanges with the messages that may be new in them, a whole batch in a few statements."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Final
from uuid import UUID

import asyncpg

from plait.linker.indexing import statements
from plait.linker.indexing.news import Hash, Sent

LARGEST_RUN: Final = 16 * 1024 * 1024
"""Bytes of messages that are read together; a single exchange may have more."""
Connection = asyncpg.pool.PoolConnectionProxy
Shelved = tuple[int, bytes]
"""Encoding and data of a row of `blobs`."""


async def read_sent(connection: Connection, numbers: Sequence[UUID]) -> list[Sent]:
    """The exchanges of trees among these, and who follows them, in the order of their starts."""
    rows = await connection.fetch(statements.EXCHANGES, numbers)
    walks = await _walk(connection, [(row["id"], row["chain"], row["chain_before"]) for row in rows])
    apart = [row for row in rows if row["chain_before"] and not _meets(walks[row["id"]], row)]
    again = [(row["id"], row["chain_before"], None) for row in apart]
    again += [(row["id"], row["chain_failed"], row["chain_before"]) for row in rows]
    histories = await _walk(connection, again)
    return [_sent(row, walks[row["id"]], histories[row["id"]]) for row in rows]


async def read_blobs(connection: Connection, run: Sequence[Sent]) -> dict[Hash, Shelved]:
    """The messages of exchanges by name."""
    rows = await connection.fetch(statements.BLOBS, list({name for sent in run for name in sent.blobs}))
    return {row["hash"]: (row["encoding"], row["data"]) for row in rows}


async def in_runs(connection: Connection, every: Sequence[Sent]) -> Iterator[list[Sent]]:
    """The exchanges in runs whose messages are not too much to be held at once."""
    names = {name for sent in every for name in sent.blobs}
    sizes = {row["hash"]: row["size"] for row in await connection.fetch(statements.SIZES, list(names))}
    return _runs(every, sizes)


def _runs(every: Sequence[Sent], sizes: Mapping[Hash, int]) -> Iterator[list[Sent]]:
    run: list[Sent] = []
    size = 0
    for sent in every:
        its = sum(sizes.get(name, 0) for name in sent.blobs)
        if run and size + its > LARGEST_RUN:
            yield run
            run, size = [], 0
        run.append(sent)
        size += its
    if run:
        yield run


async def _walk(
    connection: Connection, walks: Sequence[tuple[UUID, Hash | None, Hash | None]]
) -> defaultdict[UUID, list[asyncpg.Record]]:
    """The messages of each request down to the end of a history, first to last."""
    found: defaultdict[UUID, list[asyncpg.Record]] = defaultdict(list)
    wanted = [walk for walk in walks if walk[1]]
    if wanted:
        for row in await connection.fetch(statements.NEW_MESSAGES, *map(list, zip(*wanted, strict=True))):
            found[row["id"]].append(row)
    return found


def _meets(walk: Sequence[asyncpg.Record], row: asyncpg.Record) -> bool:
    """Whether the request goes on from the messages of the one before."""
    return bool(walk[0]["meets"]) if walk else row["chain"] == row["chain_before"]


def _sent(row: asyncpg.Record, walk: Sequence[asyncpg.Record], history: Sequence[asyncpg.Record]) -> Sent:
    answers = [answer for answer in (row["answer_before"], row["answer_earlier"]) if answer]
    return Sent(
        id=UUID(int=row["id"].int),
        domain=row["domain"],
        session_id=row["session_id"],
        started_at=row["started_at"],
        link_kind=row["link_kind"],
        messages=[(one["depth"] - 1, one["blob"]) for one in walk],
        count=row["count"],
        answer=row["content"],
        said=[*answers, *(one["blob"] for one in history)],
    )
