"""The part `api`: serves the read API until it is told to stop."""

from __future__ import annotations

import asyncio

from plait.api.app import create_app
from plait.api.database import Database
from plait.api.live.view import Live
from plait.api.settings import ApiSettings
from plait.common.access.doors import Doors
from plait.common.access.key_file import KeyFile
from plait.common.serving import serve


async def run(stop: asyncio.Event) -> None:
    """Serve on HOST and PORT; returns after `stop` is set and the answers in hand are out."""
    settings = ApiSettings()
    database = Database(
        settings.database_url.get_secret_value(),
        size=settings.api_pool_size,
        statement_timeout_ms=settings.api_statement_timeout_ms,
    )
    doors = _doors(settings)
    live = Live(settings, doors, most_listeners=settings.api_live_listeners)
    following = asyncio.create_task(live.run(stop))
    try:
        app = create_app(database, doors, calls_per_minute=settings.api_calls_per_minute, live=live, limits=settings)
        await serve(app, host=settings.host, port=settings.port, stop=stop)
    finally:
        following.cancel()
        await asyncio.wait({following})
        await database.close()


def _doors(settings: ApiSettings) -> Doors:
    viewer, admin, file = settings.dashboard_api_key, settings.admin_api_key, settings.keys_file
    return Doors(
        viewer=viewer.get_secret_value() if viewer else None,
        admin=admin.get_secret_value() if admin else None,
        file=KeyFile(file.expanduser()) if file else None,
    )
