"""Asking for analyses: in the role that asks, counted, written down, and told in events."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from plait.common import analyses
from plait.common.analyses import Caller, TooMany
from plait.common.events import AnalysisEvent, decode
from plait.common.ids import conversation_id
from plait.common.postgres import open_pool
from plait.common.queries.analyses import (
    AnalysisFilter,
    BranchPlace,
    count_states,
    find_branch,
    frequent_tips,
    get_analysis,
    list_analyses,
    quality_by_day,
)
from plait.common.queries.paging import Page
from tests import seeding

CALLER = Caller("key viewer", "call-1")
DATA = {
    "summary": "A story.",
    "sentiment": "positive",
    "interactionPatterns": {"promptClarity": 7, "contextCompleteness": 4.5},
    "promptingTips": [
        {"category": "clarity", "issue": "vague", "suggestion": "say what", "example": "…"},
        {"category": "context", "issue": "no file", "suggestion": "name it"},
        {"category": "clarity", "issue": "long", "suggestion": "shorter"},
    ],
}


@pytest.fixture
async def asker(postgres_url: str) -> AsyncIterator[asyncpg.Pool]:
    """What writes down what the API is asked for; it may do nothing else."""
    pool = await open_pool(postgres_url, name="test", role="plait_asker")
    yield pool
    await pool.close()


@pytest.fixture
async def writer(postgres_url: str) -> AsyncIterator[asyncpg.Connection]:
    """What fills the tables, and reads what was written."""
    connection = await asyncpg.connect(postgres_url)
    await connection.set_type_codec("jsonb", encoder=json.dumps, decoder=json.loads, schema="pg_catalog")
    yield connection
    await connection.close()


async def a_branch(writer: asyncpg.Connection, at: float = 0, **columns: Any) -> BranchPlace:
    """The branch `main` of a conversation of one exchange."""
    root = await seeding.add_exchange(writer, at)
    await seeding.add_link(writer, root, root, detail={})
    conversation = await seeding.add_conversation(writer, root, **columns)
    return BranchPlace(conversation_id=conversation, branch_id="main", domain=columns.get("domain", "a.test"))


async def complete(writer: asyncpg.Connection, analysis: UUID, **columns: Any) -> None:
    """Give an analysis a result, as an analyzer does."""
    await writer.execute(
        "UPDATE analyses SET status = 'completed', completed_at = now(), content = 'told', data = $2,"
        " prompt_tokens = 1, completion_tokens = 2, total_tokens = 4 WHERE id = $1",
        analysis,
        columns.get("data", DATA),
    )


async def events(writer: asyncpg.Connection) -> list[tuple[str, int, int]]:
    """State, revision and run of each event that was put out, in order."""
    found: list[tuple[str, int, int]] = []
    for row in await writer.fetch("SELECT event FROM analyses_outbox ORDER BY id"):
        event = decode(row["event"])
        assert isinstance(event, AnalysisEvent)
        found.append((event.data.status, event.data.revision, event.data.run))
    return found


async def calls(asker: asyncpg.Pool) -> list[tuple[str, str]]:
    return [(call.action, call.outcome) for call in reversed(await analyses.latest_calls(asker, 1000))]


async def test_asked_once_it_is_queued_once(writer: asyncpg.Connection, asker: asyncpg.Pool) -> None:
    where = await a_branch(writer)
    answers = await asyncio.gather(*(analyses.ask(asker, where, CALLER, "be brief") for _ in range(5)))
    assert sorted(one.is_queued for one in answers) == [False] * 4 + [True]
    assert {(one.analysis_id, one.status) for one in answers} == {(answers[0].analysis_id, "pending")}
    assert await events(writer) == [("pending", 1, 0)]
    found = await get_analysis(writer, where.conversation_id, "main")
    assert found is not None
    assert (found.custom_prompt, found.asked_by, found.by_rule) == ("be brief", "key viewer", False)
    assert (found.token_usage, found.content, found.data, found.completed_at) == (None, None, None, None)
    assert sorted(await calls(asker)) == [("request", "done"), *[("request", "known")] * 4]


async def test_a_failed_one_is_queued_anew_and_others_are_left_alone(
    writer: asyncpg.Connection, asker: asyncpg.Pool
) -> None:
    where = await a_branch(writer)
    first = await analyses.ask(asker, where, CALLER, "be brief")
    await complete(writer, first.analysis_id)
    assert await analyses.ask(asker, where, CALLER) == analyses.Asked(first.analysis_id, "completed", is_queued=False)
    await writer.execute("UPDATE analyses SET status = 'failed', attempts = 5, error = 'away'")
    anew = await analyses.ask(asker, where, CALLER, "be long")
    assert (anew.analysis_id, anew.status, anew.is_queued) == (first.analysis_id, "pending", True)
    found = await get_analysis(writer, where.conversation_id, "main")
    assert found is not None
    assert (found.attempts, found.error, found.custom_prompt, found.regenerations) == (0, None, "be long", 1)


async def test_made_anew_the_last_result_stays_until_then_and_the_worker_loses_its_lease(
    writer: asyncpg.Connection, asker: asyncpg.Pool
) -> None:
    where = await a_branch(writer)
    assert await analyses.regenerate(asker, where, CALLER) is None
    first = await analyses.ask(asker, where, CALLER)
    await complete(writer, first.analysis_id)
    await writer.execute("UPDATE analyses SET status = 'processing', lease = gen_random_uuid(), leased_until = now()")
    again = await analyses.regenerate(asker, where, CALLER, "more")
    assert again == analyses.Asked(first.analysis_id, "pending", is_queued=True)
    assert await writer.fetchval("SELECT lease FROM analyses") is None
    assert (await events(writer))[-1] == ("pending", 2, 1)
    assert await calls(asker) == [("regenerate", "not_found"), ("request", "done"), ("regenerate", "done")]
    assert await writer.fetchval("SELECT content FROM analyses") == "told"


async def test_who_asks_anew_twice_has_it_made_once(writer: asyncpg.Connection, asker: asyncpg.Pool) -> None:
    where = await a_branch(writer)
    first = await analyses.ask(asker, where, CALLER)
    await complete(writer, first.analysis_id)
    clicks = await asyncio.gather(*(analyses.regenerate(asker, where, CALLER, "more") for _ in range(4)))
    assert sorted(bool(asked and asked.is_queued) for asked in clicks) == [False, False, False, True]
    assert await writer.fetchval("SELECT regenerations FROM analyses") == 1
    await writer.execute("UPDATE analyses SET status = 'processing', lease = gen_random_uuid(), leased_until = now()")
    assert await analyses.regenerate(asker, where, CALLER, "more") == analyses.Asked(
        first.analysis_id, "processing", is_queued=False
    )
    assert await writer.fetchval("SELECT lease FROM analyses") is not None
    other = await analyses.regenerate(asker, where, CALLER, "something else")
    assert other == analyses.Asked(first.analysis_id, "pending", is_queued=True)
    assert (await calls(asker)).count(("regenerate", "known")) == 4


async def test_a_domain_asks_fifteen_times_a_minute_and_others_as_often(
    writer: asyncpg.Connection, asker: asyncpg.Pool
) -> None:
    where = await a_branch(writer)
    for _ in range(14):
        await analyses.ask(asker, where, CALLER)
    await analyses.regenerate(asker, where, CALLER)
    with pytest.raises(TooMany, match=r"Analyses of a\.test may be asked for 15 times a minute") as refused:
        await analyses.ask(asker, where, CALLER)
    assert 0 < refused.value.wait_s <= 4
    elsewhere = await a_branch(writer, 9, domain="b.test")
    assert (await analyses.ask(asker, elsewhere, CALLER)).is_queued
    assert ("request", "too_many") in await calls(asker)
    await writer.execute("UPDATE analysis_rates SET paid_until = paid_until - $1::interval", timedelta(seconds=4))
    assert not (await analyses.ask(asker, where, CALLER)).is_queued


async def test_a_hundred_reads_a_minute_counted_side_by_side(writer: asyncpg.Connection, asker: asyncpg.Pool) -> None:
    where = await a_branch(writer)
    reads = [analyses.admit_reader(asker, where, CALLER, found=False) for _ in range(160)]
    refused = [one for one in await asyncio.gather(*reads, return_exceptions=True) if one is not None]
    assert {type(one) for one in refused} == {TooMany}
    assert 20 <= len(refused) <= 60  # every 0.6 s one more may be read
    assert len(await calls(asker)) == 160


async def test_a_branch_is_found_by_every_id_of_its_conversation(writer: asyncpg.Connection) -> None:
    where = await a_branch(writer)
    assert await find_branch(writer, where.conversation_id, "main") == where
    assert await find_branch(writer, where.conversation_id, "branch_1") is None
    assert await find_branch(writer, uuid4(), "main") is None
    healed = await seeding.add_exchange(writer, 5)
    root = await writer.fetchval("SELECT root_id FROM conversations")
    await seeding.add_link(writer, healed, root, detail={})
    old = conversation_id(healed)
    assert await find_branch(writer, old, "main") == where


async def test_analyses_go_with_their_conversation(writer: asyncpg.Connection, asker: asyncpg.Pool) -> None:
    where = await a_branch(writer)
    await analyses.ask(asker, where, CALLER)
    await writer.execute("DELETE FROM links")
    await writer.execute("DELETE FROM conversations")
    assert await writer.fetchval("SELECT count(*) FROM analyses") == 0


async def test_analyses_follow_a_conversation_into_another(writer: asyncpg.Connection, asker: asyncpg.Pool) -> None:
    """The later one of two that would be the same branch goes, since it cannot be both."""
    older, newer = await a_branch(writer), await a_branch(writer, 9)
    await analyses.ask(asker, newer, CALLER)
    await writer.execute("UPDATE links SET conversation_id = $1", older.conversation_id)
    await writer.execute("DELETE FROM conversations WHERE id = $1", newer.conversation_id)
    assert await writer.fetchval("SELECT conversation_id FROM analyses") == older.conversation_id
    third = await a_branch(writer, 20)
    await analyses.ask(asker, third, CALLER)
    await writer.execute("UPDATE links SET conversation_id = $1", older.conversation_id)
    await writer.execute("DELETE FROM conversations WHERE id = $1", third.conversation_id)
    assert [row["conversation_id"] for row in await writer.fetch("SELECT * FROM analyses")] == [older.conversation_id]


async def test_lists_and_figures(writer: asyncpg.Connection, asker: asyncpg.Pool) -> None:
    places = [await a_branch(writer, 10 * n, title=f"story {n}") for n in range(3)]
    asked = [await analyses.ask(asker, where, CALLER) for where in places]
    for one in asked[:2]:
        await complete(writer, one.analysis_id)
    page = await list_analyses(writer, AnalysisFilter(domain="a.test"), Page(2))
    assert [row.title for row in page.rows] == ["story 2", "story 1"]
    assert (page.pagination.total, page.pagination.has_more) == (3, True)
    told = page.rows[1]
    assert (told.summary, told.prompt_clarity, told.context_completeness, told.has_data) == ("A story.", 7, 4.5, True)
    assert told.token_usage is not None
    assert told.token_usage.total == 4
    assert await count_states(writer, AnalysisFilter()) == {"pending": 1, "completed": 2}
    (day,) = await quality_by_day(writer, AnalysisFilter(), "Europe/Berlin")
    assert (day.analyses, day.prompt_clarity, day.positive, day.negative) == (2, 7, 2, 0)
    clarity, context = await frequent_tips(writer, AnalysisFilter(branch_id="main"))
    assert (clarity.category, clarity.count, clarity.analyses, len(clarity.latest)) == ("clarity", 4, 2, 4)
    assert (context.category, context.latest[0].example) == ("context", "")
    assert clarity.latest[0].conversation_id == places[1].conversation_id
    assert await list_analyses(writer, AnalysisFilter(status="failed"), Page(2)) is not None
