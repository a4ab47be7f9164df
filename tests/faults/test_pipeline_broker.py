"""A broker that comes late, goes for a while, and dies in the middle of a batch: no exchange is lost or doubled."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from plait.cli.embedded import kafka
from plait.fakes.claude import ScriptedClaude
from tests.faults.pipeline import MortalBroker, pipeline


@pytest.fixture
def mortal(kafka_servers: str | None, tmp_path: Path) -> Iterator[MortalBroker]:
    """A broker of this test's own, of the flavor that the run is about; not started."""
    if kafka_servers and (lack := kafka.missing()):
        pytest.skip(lack)
    broker = MortalBroker("kafka" if kafka_servers else "embedded", tmp_path)
    yield broker
    broker.kill()


@pytest.fixture
async def claude() -> AsyncIterator[ScriptedClaude]:
    async with ScriptedClaude() as scripted:
        yield scripted


async def test_whatever_the_broker_does_the_record_is_claudes_own(
    mortal: MortalBroker, claude: ScriptedClaude, postgres_url: str, tmp_path: Path
) -> None:
    async with pipeline(claude.url, tmp_path, mortal.at, postgres_url) as plait:
        await plait.ask_all(range(30))  # no broker has ever been there
        await mortal.start()
        await plait.until_recorded(range(30))

        batch = asyncio.create_task(plait.ask_all(range(100, 160)))
        await claude.call(len(claude.calls) + 20)  # in the middle of it
        mortal.kill()
        await batch
        await plait.ask_all(range(160, 180))  # while it is away
        await mortal.start()
        await plait.ask_all(range(180, 200))
        assert all(received.whole for received in plait.received.values())
        await plait.until_recorded(plait.received)
        assert await plait.difference([call.json["n"] for call in claude.calls]) == {}
