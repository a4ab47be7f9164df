"""The notifier as a part: `plait run notifier`."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Final

import aiohttp
import structlog

from plait.common.consumer import consume
from plait.common.health import health_port
from plait.common.postgres import Database
from plait.common.topics import READS
from plait.notifier.channels import Channel
from plait.notifier.channels.doors import new_session
from plait.notifier.channels.slack import SlackChannel
from plait.notifier.channels.webhook import WebhookChannel
from plait.notifier.delivery import Delivery
from plait.notifier.directory import Directory
from plait.notifier.lanes import Lanes
from plait.notifier.processor import Notifier
from plait.notifier.rounds import Rounds
from plait.notifier.routes import Route, SlackRoute
from plait.notifier.settings import ChannelSettings, Settings

GROUP: Final = "plait.notifier"
_SENDERS: Final = 3
"""Notices that are on their way at a time, each by another lane."""
_LOOK_S: Final = 1.0
_GRACE_S: Final = 0.5
"""How long a stop waits for notices that are on their way: what has not arrived by then may come twice."""

_log = structlog.get_logger()


async def run(stop: asyncio.Event) -> None:
    """Queue and send notices until `stop` is set."""
    settings = Settings()
    directory = Directory(settings.credentials_dir)
    await asyncio.to_thread(directory.look)
    database = Database(settings.database_url.get_secret_value(), name="notifier", size=_SENDERS + 2)
    lanes = Lanes()
    async with new_session(settings.allowed_hosts) as session:
        senders = [
            Delivery(database, settings, directory, lambda route: open_channel(route, session, settings), lanes)
            for _ in range(_SENDERS)
        ]

        def queued() -> None:
            for sender in senders:
                sender.wake()

        notifier = Notifier(database, settings, directory, queued)
        rounds = Rounds(database, settings, directory, queued)
        try:
            async with health_port(settings), asyncio.TaskGroup() as tasks:
                works = (rounds.run(), _watch(directory), *(sender.run() for sender in senders))
                beside = [tasks.create_task(work) for work in works]
                await consume(notifier, group=GROUP, topics=READS[GROUP], settings=settings, stop=stop)
                with suppress(TimeoutError):
                    async with asyncio.timeout(_GRACE_S):
                        await asyncio.gather(*(sender.finish() for sender in senders))
                for task in beside:
                    task.cancel()
        finally:
            await database.close()


def open_channel(route: Route, session: aiohttp.ClientSession, settings: ChannelSettings) -> Channel:
    """The way out that a route names.

    Raises:
        Refused: nothing may go there.
    """
    if isinstance(route, SlackRoute):
        return SlackChannel(route, session, settings.allowed_hosts)
    return WebhookChannel(route, session, settings.allowed_hosts)


async def _watch(directory: Directory) -> None:
    while True:
        await asyncio.sleep(_LOOK_S)
        await asyncio.to_thread(directory.look)
