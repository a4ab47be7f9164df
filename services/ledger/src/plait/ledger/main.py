"""The ledger as a part: `plait run ledger`."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from uuid import UUID

from plait.common.consumer import consume
from plait.common.health import health_port
from plait.common.outbox import Publisher
from plait.common.postgres import Database
from plait.common.pricing.book import price_book
from plait.common.topics import READS
from plait.ledger.cache.task import Doctor
from plait.ledger.conversation_sums import Summing
from plait.ledger.keeping import Keeper
from plait.ledger.processor import OUTBOX, Ledger
from plait.ledger.settings import Settings


async def run(stop: asyncio.Event) -> None:
    """Account for every exchange until `stop` is set.

    Raises:
        UserError: the file of prices cannot be used.
    """
    settings = Settings()
    database = Database(settings.database_url.get_secret_value(), name="ledger", size=3, by_key=True)
    keeper, publisher = Keeper(database), Publisher(OUTBOX, database, settings)
    book = await asyncio.to_thread(price_book, settings.prices_file)
    looks = Database(settings.database_url.get_secret_value(), name="cache-doctor", size=1, by_key=True)
    doctor = Doctor(looks, book)
    sums = Database(settings.database_url.get_secret_value(), name="conversation-sums", size=1, by_key=True)

    def committed(unplaced: Sequence[UUID]) -> None:
        keeper.look_again(unplaced)
        publisher.wake()
        doctor.wake()

    ledger = Ledger(database, book, committed)
    try:
        async with health_port(settings), asyncio.TaskGroup() as tasks:
            beside = [
                tasks.create_task(work) for work in (keeper.run(), publisher.run(), doctor.run(), Summing(sums).run())
            ]
            await consume(ledger, group="plait.ledger", topics=READS["plait.ledger"], settings=settings, stop=stop)
            for task in beside:
                task.cancel()
    finally:
        await database.close()
        await looks.close()
        await sums.close()
