"""The analyzer as a part: `plait run analyzer`."""

from __future__ import annotations

import asyncio
from typing import Final

import structlog

from plait.analyzer.analysing import Analyst
from plait.analyzer.asking import RuleAsker
from plait.analyzer.jobs import Jobs
from plait.analyzer.providers import can_ask, provider_of
from plait.analyzer.settings import Settings
from plait.analyzer.watching import Watcher
from plait.analyzer.worker import Worker
from plait.common.analyses import OUTBOX
from plait.common.consumer import consume
from plait.common.health import health_port
from plait.common.outbox import Publisher
from plait.common.postgres import Database
from plait.common.topics import READS

GROUP: Final = "plait.analyzer"


async def run(stop: asyncio.Event) -> None:
    """Make analyses that are asked for, and ask for those that are due by rule, until `stop` is set."""
    settings = Settings()
    url = settings.database_url.get_secret_value()
    database, aside = Database(url, name="analyzer", size=4), Database(url, name="analyzer-events", size=2)
    provider = await asyncio.to_thread(provider_of, settings)  # the SDK takes seconds to be imported
    publisher = Publisher(OUTBOX, aside, settings)
    rule = settings.rule if can_ask(settings) else None
    if settings.rule and not rule:
        structlog.get_logger().warning("ANALYSIS_AUTO is set, but there is nobody to ask: GEMINI_API_KEY is not set")
    worker = Worker(Jobs(database, publisher.remind), Analyst(database, provider, settings), settings)
    works = [worker.run(), publisher.run(), *([RuleAsker(database, settings, publisher.remind).run()] if rule else [])]
    try:
        async with health_port(settings), asyncio.TaskGroup() as tasks:
            beside = [tasks.create_task(work) for work in works]
            await consume(Watcher(aside, rule), group=GROUP, topics=READS[GROUP], settings=settings, stop=stop)
            for task in beside:
                task.cancel()
    finally:
        await provider.close()
        await database.close()
        await aside.close()
