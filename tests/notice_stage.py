"""Linker, ledger and notifier around one database, without a broker: clients on one side, Slack on the other."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from plait.common.consumer import Record
from plait.common.events import Event, decode
from plait.common.postgres import Database
from plait.fakes.slack import ScriptedSlack
from plait.ledger.processor import Ledger
from plait.linker.processor import Linker
from plait.notifier.channels.doors import new_session
from plait.notifier.delivery import Delivery
from plait.notifier.directory import Directory
from plait.notifier.lanes import Lanes
from plait.notifier.main import open_channel
from plait.notifier.processor import Notifier
from plait.notifier.rounds import Rounds
from plait.notifier.settings import Settings
from tests.exchange_events import START, Part, records


class Clock:
    """Stands still until it is turned."""

    def __init__(self) -> None:
        self.now = START + timedelta(minutes=1)

    def __call__(self) -> datetime:
        return self.now


@dataclass
class Stage:
    """Everything but the broker."""

    database: Database
    settings: Settings
    directory: Directory
    slack: ScriptedSlack
    clock: Clock
    linker: Linker
    ledger: Ledger
    notifier: Notifier
    rounds: Rounds
    delivery: Delivery
    lanes: Lanes

    async def play(self, *parts: Part) -> list[Record]:
        """Let this happen; the records that the notifier got."""
        batch = records(*parts)
        assert not await self.linker.process(batch)
        assert not await self.ledger.process([one for one in batch if one.topic != "plait.chunks"])
        told = [one for one in batch if one.topic == "plait.responses"]
        told += [Record("plait.conversations", 0, n, event) for n, event in enumerate(await self._told())]
        await self.give(told)
        return told

    async def give(self, batch: Sequence[Record]) -> None:
        """Give records to the notifier."""
        assert not await self.notifier.process(batch)

    async def deliver(self) -> list[dict[str, Any]]:
        """Send what can be sent; everything that Slack has taken so far."""
        while await self.delivery.work():
            pass
        return self.slack.messages

    async def texts(self) -> list[str]:
        """The same, as plain texts."""
        return [message["text"] for message in await self.deliver()]

    async def waiting(self) -> list[dict[str, Any]]:
        """What is still queued."""
        async with self.database.transaction() as connection:
            return [dict(row) for row in await connection.fetch("SELECT * FROM notices ORDER BY id")]

    async def cost(self, domain: str) -> float:
        """Dollars that a domain has come to."""
        async with self.database.transaction() as connection:
            cost = await connection.fetchval("SELECT sum(cost_usd)::float8 FROM usage WHERE domain = $1", domain)
        return float(cost)

    async def _told(self) -> list[Event]:
        async with self.database.transaction() as connection:
            rows = await connection.fetch("DELETE FROM outbox RETURNING id, event")
        return [decode(bytes(row["event"])) for row in sorted(rows, key=lambda row: int(row["id"]))]


@asynccontextmanager
async def a_stage(postgres_url: str, folder: Path, slack: ScriptedSlack, **given: Any) -> AsyncIterator[Stage]:
    """A stage whose global webhook leads to `slack`; `given`: settings."""
    usual: dict[str, Any] = {
        "slack_webhook_url": slack.webhook,
        "webhook_allowed_hosts": "127.0.0.1",
        "credentials_dir": folder,
        "dashboard_url": "https://plait.example",
    }
    settings = Settings(**(usual | given))
    database, directory, clock = Database(postgres_url, name="test", size=4), Directory(folder), Clock()
    lanes = Lanes()
    directory.look()
    async with new_session(settings.allowed_hosts) as session:
        delivery = Delivery(
            database, settings, directory, lambda route: open_channel(route, session, settings), lanes, clock
        )
        yield Stage(
            database,
            settings,
            directory,
            slack,
            clock,
            Linker(database, lambda: None),
            Ledger(database),
            Notifier(database, settings, directory, clock=clock),
            Rounds(database, settings, directory, clock=clock),
            delivery,
            lanes,
        )
        await database.close()
