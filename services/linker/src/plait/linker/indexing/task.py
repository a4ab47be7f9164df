"""Indexing beside the linker: woken after its commits, out of its way while it has much to do."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence, Set
from typing import Any, Final
from uuid import UUID

import structlog

from plait.common.postgres import Database
from plait.common.queue_worker import QueueWorker
from plait.common.search.pieces import message_of
from plait.linker.indexing import statements
from plait.linker.indexing.news import Hash, News, Sent, news_of
from plait.linker.indexing.reading import Connection, Shelved, in_runs, read_blobs, read_sent
from plait.linker.indexing.watching import Watched
from plait.linker.indexing.writing import write

AT_ONCE: Final = 200
"""Exchanges of a batch."""
_FEW: Final = 25
"""The same while the linker has more to do than it can: some 25 ms of its processor."""
_PATIENCE_S: Final = 1.0
"""How long a linker that has much to do is left alone between two such batches."""

_log = structlog.get_logger()


class Indexing(QueueWorker):
    """Takes exchanges out of the queue and indexes what was first said in them."""

    def __init__(self, database: Database, linker: Watched) -> None:
        super().__init__("search")
        self._database = database
        self._linker = linker

    async def work(self) -> int:
        """Index some. The linker, which shares our processor, goes first."""
        return await index_some(self._database, AT_ONCE if await self._linker.rests(_PATIENCE_S) else _FEW)


async def index_some(database: Database, at_once: int = AT_ONCE) -> int:
    """Index a batch; how many entries of the queue it was, 0 also while another process is at it.

    Raises:
        DependencyDown: the database went away; the batch is in the queue as before.
    """
    async with database.transaction() as connection:
        if not await connection.fetchval(statements.TRY_TURN):
            return 0
        taken = {UUID(int=row[0].int) for row in await connection.fetch(statements.TAKE, at_once)}
        if taken:
            await _index(connection, taken)
        return len(taken)


async def _index(connection: Connection, numbers: Set[UUID]) -> None:
    sent = await read_sent(connection, sorted(numbers))
    rows = await connection.fetch(statements.THERE, [one.id for one in sent])
    there = {UUID(int=row["id"].int) for row in rows}
    sent = [one for one in sent if one.id in there]
    for run in await in_runs(connection, sent):
        blobs = await read_blobs(connection, run)
        news = await asyncio.to_thread(_news, run, blobs)
        await write(connection, [one.id for one in run], news)
    await connection.execute(statements.SORT_IN)


def _news(run: Sequence[Sent], shelved: Mapping[Hash, Shelved]) -> list[News]:
    messages: dict[Hash, dict[str, Any]] = {}
    for name, kept in shelved.items():
        try:
            messages[name] = message_of(*kept)
        except ValueError as error:
            _log.error("a message is damaged, and not searched", blob=name.hex(), error=str(error))
    found: list[News] = []
    for sent in run:
        try:
            found += news_of(sent, messages)
        except Exception:  # whatever a client sent: it must not stop what others said from being found
            _log.exception("an exchange cannot be indexed", exchange_id=str(sent.id))
    return found
