"""Analyzers that die in the middle of a call, and a model that is away: jobs are done once, and nothing else lags."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from plait.analyzer.main import GROUP
from plait.common.analyses import queue
from plait.common.events import AnalysisEvent, ConversationData, encode
from plait.common.ids import conversation_id, new_exchange_id
from plait.common.kafka import admin_client, committed_offsets, is_embedded
from plait.common.queries.analyses import BranchPlace
from plait.common.settings import KafkaSettings
from plait.common.topics import ANALYSES, CONVERSATIONS
from plait.fakes.gemini import ScriptedGemini, gemini_error, generated
from plait.linker.announce import event_of
from tests import scene
from tests.contract.consuming import Seen, consuming, make_topics, send, settings_of
from tests.servers import Broker

_ANALYZER = "import asyncio; from plait.analyzer.main import run; asyncio.run(run(asyncio.Event()))"
_HOUR = 3600
_LEASE_S = 5


class Stage:
    """A broker, a database with the small history, and a Gemini."""

    def __init__(self, kafka: KafkaSettings, url: str, db: asyncpg.Connection, gemini: ScriptedGemini) -> None:
        self.kafka, self.db, self.gemini = kafka, db, gemini
        self._named = {
            "DATABASE_URL": url,
            "KAFKA_BOOTSTRAP_SERVERS": kafka.kafka_bootstrap_servers,
            "KAFKA_FLAVOR": kafka.kafka_flavor,
            "KAFKA_ASSIGNMENT": "all" if is_embedded(kafka) else "group",
            "GEMINI_API_URL": gemini.url,
            "GEMINI_API_KEY": "key",
            "ANALYSIS_LEASE_S": str(_LEASE_S),
            "ANALYSIS_AUTO": "idle:30m",
        }

    @contextmanager
    def analyzer(self, log: Path) -> Iterator[subprocess.Popen[bytes]]:
        """An analyzer in a process of its own, killed at the end of the block at the latest."""
        with log.open("ab") as out:
            process = subprocess.Popen([sys.executable, "-c", _ANALYZER], env=os.environ | self._named, stderr=out)
        try:
            yield process
        finally:
            process.kill()
            process.wait()
        assert "Traceback" not in log.read_text()

    async def until(self, wanted: Any, statement: str) -> None:
        """Until the database answers so."""
        async with asyncio.timeout(60):
            while (await self.db.fetchval(statement)) != wanted:
                await asyncio.sleep(0.05)


@pytest.fixture
async def stage(broker: Broker, postgres_url: str) -> AsyncIterator[Stage]:
    db = await asyncpg.connect(postgres_url)
    played = await scene.play(db)
    async with db.transaction():
        await queue(db, BranchPlace(conversation_id=played.told, branch_id="main", domain="a.test"), "key viewer")
    kafka = settings_of(broker)
    await make_topics(kafka)
    async with ScriptedGemini() as gemini:
        yield Stage(kafka, postgres_url, db, gemini)
    await db.close()


async def test_a_job_whose_analyzer_is_killed_in_the_call_is_done_once_by_another(stage: Stage, tmp_path: Path) -> None:
    stage.gemini.next.append(generated("x").ending("hold", 0))
    with stage.analyzer(tmp_path / "first.log") as first:
        async with asyncio.timeout(60):
            await stage.gemini.call(0)
        with stage.analyzer(tmp_path / "second.log"):
            await stage.until(True, f"SELECT now() > started_at + interval '{_LEASE_S + 0.5} s' FROM analyses")
            assert len(stage.gemini.calls) == 1, "the job of one that lives was taken over"
            first.kill()
            await stage.until("completed", "SELECT status FROM analyses")
            await stage.until(0, "SELECT count(*) FROM analyses_outbox")
    assert len(stage.gemini.prompts) == 2
    assert await stage.db.fetchval("SELECT attempts FROM analyses") == 2
    seen = Seen()
    async with consuming(seen, stage.kafka, (ANALYSES,), "plait.test"):
        await seen.until(lambda known: len({event.id for event in events(known)}) >= 4)
    told = {event.data.revision: event.data.status for event in events(seen)}
    assert told == {1: "pending", 2: "processing", 3: "processing", 4: "completed"}


async def test_while_the_model_is_away_for_an_hour_nothing_lags(stage: Stage, tmp_path: Path) -> None:
    stage.gemini.next.append(gemini_error(503, "UNAVAILABLE", "away", retry_s=_HOUR))
    with stage.analyzer(tmp_path / "analyzer.log"):
        await stage.until("pending", "SELECT status FROM analyses WHERE attempts = 1 AND not_before > now()")
        await send(stage.kafka, [encode(event_of(a_conversation())) for _ in range(200)], CONVERSATIONS)
        async with asyncio.timeout(60), admin_client(stage.kafka) as admin:
            while sum((await committed_offsets(admin, GROUP, [CONVERSATIONS])).values()) < 200:
                await asyncio.sleep(0.1)
        await stage.until(200, "SELECT count(*) FROM analyses_due")
        assert await stage.db.fetchval("SELECT not_before > now() + interval '59 min' FROM analyses")
        assert len(stage.gemini.prompts) == 1
        await stage.db.execute("UPDATE analyses SET not_before = not_before - interval '61 min'")  # the hour is over
        await stage.until("completed", "SELECT status FROM analyses")


def events(seen: Seen) -> list[AnalysisEvent]:
    return [record.event for batch in seen.batches for record in batch if isinstance(record.event, AnalysisEvent)]


def a_conversation() -> ConversationData:
    """One whose latest exchange began now."""
    exchange = new_exchange_id()
    return ConversationData(
        conversation_id=conversation_id(exchange),
        revision=1,
        domain="a.test",
        title=None,
        request_count=1,
        branch_ids=["main"],
        latest_exchange_id=exchange,
    )
