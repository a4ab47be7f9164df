"""The dashboard as a part that `plait up` and `plait run dashboard` start."""

from __future__ import annotations

import asyncio

import httpx2

from plait.common.access.doors import Doors
from plait.common.access.key_file import KeyFile
from plait.common.health import health_port
from plait.common.serving import serve
from plait.dashboard import database, visitor
from plait.dashboard.front.app import build_app
from plait.dashboard.front.live.feed import Feed
from plait.dashboard.front.relay import client
from plait.dashboard.front.session import Sessions
from plait.dashboard.settings import Settings
from plait.dashboard.visitor import Visitor


async def run(stop: asyncio.Event) -> None:
    """Serve the dashboard until `stop` is set.

    Raises:
        UserError: no key is configured.
    """
    settings = Settings()
    sessions = Sessions(settings.require_key(), _doors(settings))
    reading = database.Database(
        settings.database_url.get_secret_value(), statement_timeout_ms=settings.dashboard_statement_timeout_ms
    )
    database.attach(reading)
    visitor.attach(lambda cookie: _visitor(settings, sessions, cookie))
    try:
        async with health_port(settings), client(settings.api_url, settings.require_key()) as api:
            await _serve(settings, sessions, reading, api, stop)
    finally:
        visitor.attach(None)
        database.attach(None)
        await asyncio.to_thread(reading.close)


async def _serve(
    settings: Settings, sessions: Sessions, reading: database.Database, api: httpx2.AsyncClient, stop: asyncio.Event
) -> None:
    feed = Feed(api)
    following = asyncio.create_task(feed.run(stop))
    try:
        app = build_app(sessions, reading, api, feed)
        await serve(app, host=settings.host, port=settings.port, stop=stop, lifespan="on", websockets=True)
    finally:
        following.cancel()
        await asyncio.wait({following})


def _doors(settings: Settings) -> Doors:
    admin, file = settings.admin_api_key, settings.keys_file
    return Doors(
        viewer=settings.require_key(),
        admin=admin.get_secret_value() if admin else None,
        file=KeyFile(file.expanduser()) if file else None,
    )


def _visitor(settings: Settings, sessions: Sessions, cookie: str) -> Visitor | None:
    session = sessions.read(cookie)
    grant = sessions.grant_of(session) if session else None
    return Visitor(grant, settings.dashboard_read_only) if grant else None
