"""The linker as a part: `plait run linker`."""

from __future__ import annotations

import asyncio
from typing import Final

from plait.common.consumer import consume
from plait.common.errors import DependencyDown
from plait.common.health import health_port
from plait.common.postgres import Database
from plait.common.topics import READS
from plait.linker import statements
from plait.linker.announce import Announcer
from plait.linker.forget.deletion import attend
from plait.linker.forget.retention import keep_retention
from plait.linker.indexing.task import Indexing
from plait.linker.indexing.watching import Watched
from plait.linker.processor import AT_ONCE, Linker
from plait.linker.settings import Settings

GROUP: Final = "plait.linker"
_PARTITIONS_S: Final = 12 * 3600.0
_AGAIN_S: Final = 5.0


async def run(stop: asyncio.Event) -> None:
    """Store and link every exchange until `stop` is set."""
    settings = Settings()
    url = settings.database_url.get_secret_value()
    database, aside = Database(url, name="linker", size=3, by_key=True), Database(url, name="forgetting", size=3)
    announcer = Announcer(database, settings)
    words = Database(url, name="indexing", size=1, by_key=True)

    def committed() -> None:
        announcer.wake()
        indexing.wake()

    linker = Watched(Linker(database, committed))
    indexing = Indexing(words, linker)
    try:
        async with health_port(settings), asyncio.TaskGroup() as tasks:
            retention = keep_retention(aside, settings.retention_days, settings.retention_days_by_domain)
            works = (
                announcer.run(),
                keep_partitions(database),
                retention,
                attend(aside, announcer.remind),
                indexing.run(),
            )
            beside = [tasks.create_task(work) for work in works]
            await consume(linker, group=GROUP, topics=READS[GROUP], settings=settings, stop=stop, at_once=AT_ONCE)
            for task in beside:
                task.cancel()
    finally:
        await database.close()
        await aside.close()
        await words.close()


async def keep_partitions(database: Database) -> None:
    """Make the partitions of the months ahead, now and twice a day; until they are there the default ones take all."""
    while True:
        try:
            async with database.transaction() as connection:
                await connection.execute(statements.MAKE_PARTITIONS)
        except DependencyDown:
            await asyncio.sleep(_AGAIN_S)
        else:
            await asyncio.sleep(_PARTITIONS_S)
