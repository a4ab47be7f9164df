"""The notifier killed, flooded with replays, and with a Slack that does not answer."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import pytest

from plait.common.events import ConversationEvent, Event, decode, encode
from plait.common.kafka import admin_client, committed_offsets, is_embedded
from plait.common.postgres import Database
from plait.common.settings import KafkaSettings
from plait.common.topics import CONVERSATIONS, READS, RESPONSES
from plait.fakes.answers import Answer
from plait.fakes.slack import ScriptedSlack, slack_says
from plait.linker.announce import OUTBOX
from plait.linker.processor import Linker
from plait.notifier.main import GROUP, run
from tests.contract.consuming import make_topics, producing, settings_of
from tests.exchange_events import START, Part, answered, asked, event_of, records, said
from tests.servers import Broker

_NOTIFIER = "import asyncio; from plait.notifier.main import run; asyncio.run(run(asyncio.Event()))"
REPLAYED = 10_000
OLD = 0.0
"""Seconds after START: long ago."""


def now() -> float:
    """Seconds after START."""
    return (datetime.now(UTC) - START).total_seconds() - 2


@pytest.fixture
async def slack() -> AsyncIterator[ScriptedSlack]:
    async with ScriptedSlack() as slack:
        yield slack


@pytest.fixture
async def kafka(broker: Broker) -> KafkaSettings:
    settings = settings_of(broker)
    await make_topics(settings)
    return settings


@pytest.fixture
def environment(kafka: KafkaSettings, postgres_url: str, slack: ScriptedSlack, tmp_path: Path) -> dict[str, str]:
    return {
        "DATABASE_URL": postgres_url,
        "KAFKA_BOOTSTRAP_SERVERS": kafka.kafka_bootstrap_servers,
        "KAFKA_FLAVOR": kafka.kafka_flavor,
        "KAFKA_ASSIGNMENT": "all" if is_embedded(kafka) else "group",
        "SLACK_WEBHOOK_URL": slack.webhook,
        "WEBHOOK_ALLOWED_HOSTS": "127.0.0.1",
        "CREDENTIALS_DIR": str(tmp_path),
    }


async def recorded(postgres_url: str, *texts: str, at: float) -> list[Event]:
    """Turns in the record, and the events that tell of them."""
    parts: list[Part] = []
    for text in texts:
        call = asked(said("user", text), at=at, session=text)
        parts += [call, answered(call, "Yes.")]
    database = Database(postgres_url, name="test", size=1)
    await Linker(database, lambda: None).process(records(*parts))
    async with database.transaction() as connection:
        rows = await OUTBOX.take(connection, 10_000)
    await database.close()
    return [*(event_of(part) for part in parts[1::2]), *(decode(bytes(row["event"])) for row in rows)]


async def ship(kafka: KafkaSettings, events: Sequence[Event]) -> None:
    async with producing(kafka) as producer:
        sent = [
            await producer.send(
                (CONVERSATIONS if isinstance(event, ConversationEvent) else RESPONSES).name,
                encode(event),
                event.partitionkey.encode(),
            )
            for event in events
        ]
        await asyncio.gather(*sent)


async def until_settled(kafka: KafkaSettings, count: int, seconds: float = 60.0) -> None:
    """Until so many records are behind the notifier: its lag is 0."""
    async with asyncio.timeout(seconds), admin_client(kafka) as admin:
        while sum((await committed_offsets(admin, GROUP, READS[GROUP])).values()) < count:
            await asyncio.sleep(0.05)


async def until_sent(slack: ScriptedSlack, count: int, seconds: float = 60.0) -> None:
    async with asyncio.timeout(seconds):
        while len(slack.calls) < count:
            await asyncio.sleep(0.02)


async def waiting(postgres_url: str) -> int:
    connection = await asyncpg.connect(postgres_url)
    try:
        count: int = await connection.fetchval("SELECT count(*) FROM notices")
    finally:
        await connection.close()
    return count


@asynccontextmanager
async def notifying(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    stop = asyncio.Event()
    task = asyncio.create_task(run(stop))
    try:
        yield
    finally:
        stop.set()
        await task


def said_by(slack: ScriptedSlack) -> list[str]:
    """The first line of every message that was sent, taken or not."""
    return sorted(call.json["text"].partition("\n")[0].rpartition(" ")[2] for call in slack.calls)


async def test_killed_between_sending_and_committing_repeats_at_most_that_one(
    kafka: KafkaSettings, environment: dict[str, str], postgres_url: str, slack: ScriptedSlack, tmp_path: Path
) -> None:
    events = await recorded(postgres_url, "one", "two", "three", at=now())
    slack.next.extend([slack_says("ok"), Answer(head_wait=120)])
    with (tmp_path / "log").open("wb") as log:
        first = subprocess.Popen([sys.executable, "-c", _NOTIFIER], env=os.environ | environment, stderr=log)
        try:
            await ship(kafka, events)
            await until_sent(slack, 2)
        finally:
            first.kill()
            first.wait()
        second = subprocess.Popen([sys.executable, "-c", _NOTIFIER], env=os.environ | environment, stderr=log)
        try:
            await until_settled(kafka, len(events))
            await until_sent(slack, 4)
            async with asyncio.timeout(60):
                while await waiting(postgres_url):
                    await asyncio.sleep(0.02)
        finally:
            second.kill()
            second.wait()
    sent = said_by(slack)
    assert len(sent) == 4
    assert set(sent) == {"one", "two", "three"}
    assert "Traceback" not in (tmp_path / "log").read_text()


async def test_ten_thousand_replayed_events_make_no_notice(
    kafka: KafkaSettings,
    environment: dict[str, str],
    postgres_url: str,
    slack: ScriptedSlack,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    old = await recorded(postgres_url, "old", at=OLD)
    young = await recorded(postgres_url, "young", at=now())
    replay = (old * REPLAYED)[: REPLAYED // 2] + (young * REPLAYED)[: REPLAYED // 2]
    async with notifying(environment, monkeypatch):
        await ship(kafka, young)
        await until_sent(slack, 1)
        await ship(kafka, replay)
        await until_settled(kafka, len(young) + len(replay))
        assert await waiting(postgres_url) == 0
    assert said_by(slack) == ["young"]


async def test_a_slack_that_does_not_answer_holds_up_no_event(
    kafka: KafkaSettings,
    environment: dict[str, str],
    postgres_url: str,
    slack: ScriptedSlack,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    slack.rules.append(lambda _: Answer(head_wait=120))
    events = await recorded(postgres_url, *(f"{n}" for n in range(20)), at=now())
    async with notifying(environment, monkeypatch):
        await ship(kafka, events)
        await until_settled(kafka, len(events))
        await until_sent(slack, 1)
        assert await waiting(postgres_url) == 20
        assert len(slack.calls) < 20
