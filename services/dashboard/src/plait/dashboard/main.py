"""The dashboard as a part that `plait up` and `plait run dashboard` start."""

from __future__ import annotations

import asyncio

from plait.common.serving import serve
from plait.dashboard import database
from plait.dashboard.front.app import build_app
from plait.dashboard.settings import Settings


async def run(stop: asyncio.Event) -> None:
    """Serve the dashboard until `stop` is set.

    Raises:
        UserError: no key is configured.
    """
    settings = Settings()
    key = settings.require_key()
    reading = database.Database(
        settings.database_url.get_secret_value(), statement_timeout_ms=settings.dashboard_statement_timeout_ms
    )
    database.attach(reading)
    try:
        await serve(
            build_app(key, reading), host=settings.host, port=settings.port, stop=stop, lifespan="on", websockets=True
        )
    finally:
        database.attach(None)
        await asyncio.to_thread(reading.close)
