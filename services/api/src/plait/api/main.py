"""The part `api`: serves the read API until it is told to stop."""

from __future__ import annotations

import asyncio

from plait.api.app import create_app
from plait.api.database import Database
from plait.api.settings import ApiSettings
from plait.common.serving import serve


async def run(stop: asyncio.Event) -> None:
    """Serve on HOST and PORT; returns after `stop` is set and the answers in hand are out."""
    settings = ApiSettings()
    key = settings.dashboard_api_key
    database = Database(
        settings.database_url.get_secret_value(),
        size=settings.api_pool_size,
        statement_timeout_ms=settings.api_statement_timeout_ms,
    )
    try:
        app = create_app(database, key.get_secret_value() if key else None)
        await serve(app, host=settings.host, port=settings.port, stop=stop)
    finally:
        await database.close()
