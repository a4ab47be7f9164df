"""The analyzer's worker on a real database, with Google's own SDK and a scripted Gemini."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import asyncpg
import msgspec
import pytest

from plait.analyzer.analysing import Analyst
from plait.analyzer.jobs import Job, Jobs, Result
from plait.analyzer.providers import provider_of
from plait.analyzer.settings import Settings
from plait.analyzer.worker import Worker
from plait.common.analyses import queue, queue_again
from plait.common.events import AnalysisEvent, decode
from plait.common.postgres import Database, open_pool
from plait.common.queries.analyses import Analysis, BranchPlace, get_analysis
from plait.fakes.gemini import ScriptedGemini, blocked, gemini_error, generated
from tests import scene
from tests.servers import alone, fresh_database

HASTY = {"analysis_retry_s": 0.01}
"""So that tests need not wait."""


@dataclass
class Stage:
    """A database with the small history, a Gemini, and whoever looks at them."""

    url: str
    pool: asyncpg.Pool
    gemini: ScriptedGemini
    where: BranchPlace

    @asynccontextmanager
    async def working(self, *, count: int = 1, **settings: Any) -> AsyncIterator[None]:
        """While so many analyzers work, each with connections of its own."""
        given = Settings(gemini_api_url=self.gemini.url, **{"gemini_api_key": "key", **HASTY, **settings})
        databases = [Database(self.url, name="analyzer", size=4) for _ in range(count)]
        providers = [provider_of(given) for _ in range(count)]
        tasks = [
            asyncio.create_task(Worker(Jobs(each, lambda: None), Analyst(each, one, given), given).run())
            for each, one in zip(databases, providers, strict=True)
        ]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            for one, each in zip(providers, databases, strict=True):
                await one.close()
                await each.close()

    async def ask(self, prompt: str | None = None) -> None:
        async with self.pool.acquire() as connection, connection.transaction():
            await queue(connection, self.where, "key viewer", prompt)

    async def look(self) -> Analysis:
        found = await get_analysis(self.pool, self.where.conversation_id, self.where.branch_id)
        assert found is not None
        return found

    async def until(self, *states: str) -> Analysis:
        """How it stands once it is in one of these states."""
        async with asyncio.timeout(60):
            while (found := await self.look()).status not in states:
                await asyncio.sleep(0.02)
        return found

    async def events(self) -> list[AnalysisEvent]:
        rows = await self.pool.fetch("SELECT event FROM analyses_outbox ORDER BY id")
        return [event for row in rows if isinstance(event := decode(row["event"]), AnalysisEvent)]


@dataclass(frozen=True)
class Played:
    """A database with the small history."""

    url: str
    where: BranchPlace


@pytest.fixture(scope="module")
def played(postgres_server: str, migrated_template: str) -> Iterator[Played]:
    """Filled once; tests change nothing but analyses."""
    with fresh_database(postgres_server, migrated_template) as url:
        told = alone(_play(url)).told
        yield Played(url, BranchPlace(conversation_id=told, branch_id="main", domain="a.test"))


async def _play(url: str) -> scene.Scene:
    connection = await asyncpg.connect(url)
    try:
        return await scene.play(connection)
    finally:
        await connection.close()


@pytest.fixture
async def stage(played: Played) -> AsyncIterator[Stage]:
    pool = await open_pool(played.url, name="test", size=4)
    async with ScriptedGemini() as gemini:
        yield Stage(played.url, pool, gemini, played.where)
    await pool.execute("TRUNCATE analyses, analyses_outbox")
    await pool.close()


async def test_an_analysis_is_made(stage: Stage) -> None:
    await stage.ask("Mind the tests")
    async with stage.working():
        done = await stage.until("completed")
    assert done.content is not None
    assert done.content.startswith("#")
    assert done.data is not None
    assert {"summary", "keyTopics", "promptingTips", "turningPoints", "costliestSteps"} <= done.data.keys()
    assert (done.provider, done.model, done.attempts, done.error) == ("gemini", "gemini-4-argon", 1, None)
    assert done.token_usage is not None
    assert done.token_usage.total == done.token_usage.prompt + done.token_usage.completion > 0
    assert done.cost_usd is not None
    assert (done.prompt_version, done.history) == (done.prompt_version or "?", [])
    (prompt,) = stage.gemini.prompts
    assert (prompt.model, prompt.has_tools) == ("gemini-4-argon", False)
    assert prompt.config["responseMimeType"] == "application/json"
    assert "promptingTips" in prompt.config["responseSchema"]["properties"]
    assert "Mind the tests" in prompt.system + prompt.user
    assert "Tell me a story" in prompt.user
    told = await stage.events()
    assert [event.data.status for event in told] == ["pending", "processing", "completed"]
    assert [event.data.revision for event in told] == [1, 2, 3]
    assert told[-1].data.content == done.content


async def test_what_may_pass_is_tried_again_and_the_provider_s_wait_honoured(stage: Stage) -> None:
    stage.gemini.next.append(gemini_error(429, "RESOURCE_EXHAUSTED", "Quota exceeded", retry_s=0.4))
    await stage.ask()
    async with stage.working():
        done = await stage.until("completed", "failed")
    assert (done.status, done.attempts, done.error) == ("completed", 2, None)
    (attempt,) = done.history
    assert "429 RESOURCE_EXHAUSTED: Quota exceeded" in attempt.reason
    assert (attempt.run, attempt.attempt) == (0, 1)
    assert attempt.retry_at is not None
    assert (attempt.retry_at - attempt.ended_at).total_seconds() >= 0.4
    assert done.started_at is not None
    assert done.started_at >= attempt.retry_at
    states = [event.data.status for event in await stage.events()]
    assert states == ["pending", "processing", "pending", "processing", "completed"]


async def test_a_refusal_is_not_asked_again(stage: Stage) -> None:
    stage.gemini.next.append(blocked())
    await stage.ask()
    async with stage.working():
        failed = await stage.until("completed", "failed")
    assert (failed.status, failed.attempts, failed.content) == ("failed", 1, None)
    assert "PROHIBITED_CONTENT" in (failed.error or "")
    assert [(one.attempt, one.retry_at) for one in failed.history] == [(1, None)]
    assert len(stage.gemini.prompts) == 1


async def test_after_the_last_attempt_it_has_failed_and_asking_again_queues_it_anew(stage: Stage) -> None:
    stage.gemini.next.extend([gemini_error(503, "UNAVAILABLE", "away")] * 3)
    await stage.ask()
    async with stage.working(analysis_attempts=3):
        failed = await stage.until("completed", "failed")
        assert (failed.status, failed.attempts) == ("failed", 3)
        assert [one.attempt for one in failed.history] == [1, 2, 3]
        await stage.ask()
        done = await stage.until("completed")
    assert (done.attempts, done.regenerations, done.error) == (1, 1, None)
    assert [(one.run, one.attempt) for one in done.history] == [(0, 1), (0, 2), (0, 3)]


async def test_without_a_key_it_fails_with_a_reason_that_names_the_setting(stage: Stage) -> None:
    await stage.ask()
    async with stage.working(gemini_api_key=None):
        failed = await stage.until("completed", "failed")
    assert failed.status == "failed"
    assert "GEMINI_API_KEY is not set" in (failed.error or "")


async def test_a_result_that_cannot_be_kept_ends_its_job_and_not_the_worker(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    make = Analyst.make

    async def absurd(analyst: Analyst, job: Job) -> Result:
        return msgspec.structs.replace(await make(analyst, job), total_tokens=10**15)

    monkeypatch.setattr(Analyst, "make", absurd)
    await stage.ask()
    async with stage.working():
        failed = await stage.until("failed")
        assert "Something went wrong in Plait: DataError" in (failed.error or "")
        monkeypatch.undo()
        await stage.ask()
        await stage.until("completed")


async def test_an_answer_of_another_form_is_mended_by_asking_once_more(stage: Stage) -> None:
    stage.gemini.next.append(generated('{"summary": "cut o', ended="MAX_TOKENS"))
    await stage.ask()
    async with stage.working():
        done = await stage.until("completed", "failed")
    assert done.status == "completed"
    assert done.data is not None
    assert any("asked twice" in remark for remark in done.remarks)
    assert len(stage.gemini.prompts) == 2
    assert done.attempts == 1


async def test_an_answer_that_cannot_be_mended_is_kept_as_it_came(stage: Stage) -> None:
    stage.gemini.next.extend([generated("I would rather write a poem.")] * 2)
    await stage.ask()
    async with stage.working():
        done = await stage.until("completed", "failed")
    assert (done.status, done.data, done.has_data) == ("completed", None, False)
    assert "I would rather write a poem." in (done.content or "")
    assert done.remarks
    assert (await stage.events())[-1].data.content == done.content


async def test_jobs_are_done_once_by_many_and_never_more_at_a_time_than_allowed(stage: Stage) -> None:
    branches = ["main", "subtask_1", "branch_20261121120020"]
    async with stage.pool.acquire() as connection:
        for name in branches:
            where = BranchPlace(conversation_id=stage.where.conversation_id, branch_id=name, domain="a.test")
            await queue(connection, where, "key viewer")
    first = asyncio.Event()
    stage.gemini.next.append(generated("I would rather write a poem.").gated(first, 0))
    async with stage.working(count=3, analysis_concurrency=1):
        await stage.gemini.call(0)
        await asyncio.sleep(1.2)  # each looks every second
        assert len(stage.gemini.calls) == 1
        first.set()
        async with asyncio.timeout(60):
            while await stage.pool.fetchval("SELECT count(*) FROM analyses WHERE status <> 'completed'"):
                await asyncio.sleep(0.02)
    assert len(stage.gemini.prompts) == len(branches) + 1  # a poem is asked for once more in the right form
    starts = [call.arrived for call in stage.gemini.calls]
    ends = [call.ended for call in stage.gemini.calls]
    assert all(end is not None and end <= begin for end, begin in zip(ends, starts[1:], strict=False))


async def test_who_ends_in_good_order_gives_its_job_back(stage: Stage) -> None:
    stage.gemini.next.append(generated("x").ending("hold", 0))
    await stage.ask()
    async with stage.working():
        await stage.gemini.call(0)
    given_back = await stage.look()
    assert (given_back.status, given_back.attempts, given_back.history) == ("pending", 0, [])
    async with stage.working():
        assert (await stage.until("completed")).attempts == 1


async def test_what_is_made_anew_meanwhile_is_given_up(stage: Stage) -> None:
    held = generated("x").ending("hold", 0)
    stage.gemini.next.append(held)
    await stage.ask("first")
    async with stage.working(analysis_lease_s=4):
        call = await stage.gemini.call(0)
        async with stage.pool.acquire() as connection, connection.transaction():
            await queue_again(connection, stage.where, "key viewer", "second")
        done = await stage.until("completed")
        await asyncio.wait_for(call.over.wait(), 60)
    assert (done.custom_prompt, done.regenerations, done.attempts) == ("second", 1, 1)
    assert call.client_gone is not None, "the call that nobody wants any more went on"


async def test_the_analysis_of_a_branch_that_is_gone_is_dropped(stage: Stage) -> None:
    gone = BranchPlace(conversation_id=stage.where.conversation_id, branch_id="branch_1", domain="a.test")
    async with stage.pool.acquire() as connection:
        await queue(connection, gone, "key viewer")
    async with stage.working(), asyncio.timeout(60):
        while await stage.pool.fetchval("SELECT count(*) FROM analyses"):
            await asyncio.sleep(0.02)
    assert stage.gemini.prompts == []


async def test_a_job_of_a_dead_analyzer_is_taken_over_and_never_of_one_that_lives(stage: Stage) -> None:
    await stage.ask()
    await stage.pool.execute(
        "UPDATE analyses SET status = 'processing', attempts = 1, started_at = now(), lease = gen_random_uuid(),"
        " leased_until = now() + interval '1 hour'"
    )
    async with stage.working():
        await asyncio.sleep(1.5)  # it looks every second
        assert (await stage.look()).attempts == 1
        await stage.pool.execute("UPDATE analyses SET leased_until = now() - interval '1 second'")
        done = await stage.until("completed")
    assert done.attempts == 2
    assert ["has died" in one.reason for one in done.history] == [True]


async def test_a_job_whose_last_attempt_died_has_failed(stage: Stage) -> None:
    await stage.ask()
    await stage.pool.execute(
        "UPDATE analyses SET status = 'processing', attempts = 5, started_at = now(), lease = gen_random_uuid(),"
        " leased_until = now() - interval '1 second'"
    )
    async with stage.working():
        failed = await stage.until("failed", "completed")
    assert (failed.status, len(failed.history)) == ("failed", 1)
    assert "has died" in (failed.error or "")
