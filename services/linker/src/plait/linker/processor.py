"""The linker's consumer: a batch of exchanges' events, stored and linked in one transaction."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from typing import Final

import asyncpg

from plait.common.consumer import Record, Rejected
from plait.common.postgres import Database
from plait.linker import contents, exchanges, knowledge, statements
from plait.linker.announce import put_out
from plait.linker.batch import Batch, read
from plait.linker.domain.keys import lock
from plait.linker.domain.request import aware
from plait.linker.forget.lateness import pass_over
from plait.linker.indexing.queue import queue
from plait.linker.placing import place_again
from plait.linker.shelf import Shelf
from plait.linker.streams import Calls, Streams
from plait.linker.summing import sum_up
from plait.linker.trees import name_again

AT_ONCE: Final = 2
"""Batches that may be in hand: one that is linked, one whose contents are stored."""


class Linker:
    """Stores what was asked and answered, and links it."""

    def __init__(self, database: Database, committed: Callable[[], None]) -> None:
        """`committed` is called after each transaction that may have put out conversation events."""
        self._database = database
        self._committed = committed
        self._streams = Streams()
        self._turn = asyncio.Lock()

    async def process(self, records: Sequence[Record]) -> Sequence[Rejected]:
        """Store and link a batch; see `plait.common.consumer.Processor`.

        Bodies are taken apart and compressed beside the loop, before anything is locked. What may be waited for comes
        in one order for all linkers (the half of the lock on contents that linkers share, contents by hash, our turn to
        link, then the locks of the domains, then all else), so none waits for another that waits for it.

        While one batch is linked the next one's contents are read and written: of two, one waits for Postgres and one
        uses the processor. They link one after the other, as two linkers would.
        """
        batch, rejected = await asyncio.to_thread(read, records)
        async with AsyncExitStack() as turn:
            async with self._database.transaction() as connection:
                await connection.execute(statements.HOLD_CONTENTS)
                new = await contents.find_new(connection, batch)
                blobs = await asyncio.to_thread(new.blob_rows)
                await contents.add(connection, blobs, new.chains)
                await turn.enter_async_context(self._turn)
                told = await self._link(connection, batch)
            self._streams.stored(told)
        self._committed()
        return rejected

    async def _link(self, connection: asyncpg.pool.PoolConnectionProxy, batch: Batch) -> Calls:
        """Store exchanges whose contents are there, and link them; the calls of running answers that are told so."""
        told = await self._streams.follow(connection, batch)
        await _lock(connection, batch.domains_with(told))
        batch = await pass_over(connection, batch)
        await exchanges.add(connection, batch)
        await _braid(connection, batch, {**await self._streams.known_before(connection, batch), **told})
        return told


async def _braid(connection: asyncpg.pool.PoolConnectionProxy, batch: Batch, calls: Calls) -> None:
    """Bring links, names and conversations to what the facts now say."""
    changes = await knowledge.learn(
        connection,
        {number: one.facts for number, one in batch.requests.items()},
        {number: (aware(one.data.started_at), one.facts) for number, one in batch.responses.items()},
        calls,
    )
    if not changes:
        return
    shelf = Shelf(connection, changes)
    placed = await place_again(connection, shelf, changes)
    woven = await name_again(connection, shelf, placed.links)
    await knowledge.keep(connection, placed.before, placed.facts)
    await queue(connection, placed.links)
    await put_out(connection, await sum_up(connection, woven, placed.links))


async def _lock(connection: asyncpg.pool.PoolConnectionProxy, domains: set[str]) -> None:
    if keys := sorted({lock(domain) for domain in domains}):
        await connection.execute(statements.LOCK, keys)
