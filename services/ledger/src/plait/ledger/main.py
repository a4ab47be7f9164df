"""The ledger as a part: `plait run ledger`."""

from __future__ import annotations

import asyncio

from plait.common.consumer import consume
from plait.common.health import health_port
from plait.common.postgres import Database
from plait.common.topics import RESPONSES
from plait.ledger.processor import Ledger
from plait.ledger.settings import Settings


async def run(stop: asyncio.Event) -> None:
    """Keep the usage of every exchange until `stop` is set."""
    settings = Settings()
    database = Database(settings.database_url.get_secret_value(), name="ledger", size=1)
    try:
        async with health_port(settings):
            await consume(Ledger(database), group="plait.ledger", topics=(RESPONSES,), settings=settings, stop=stop)
    finally:
        await database.close()
