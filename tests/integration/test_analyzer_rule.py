"""ANALYSIS_AUTO: what is due is noted from events, and asked for within what a day may cost."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from plait.analyzer.asking import RuleAsker
from plait.analyzer.providers.provider import TAG
from plait.analyzer.rule import Rule
from plait.analyzer.settings import RuleSettings
from plait.analyzer.watching import Watcher
from plait.common.consumer import Record
from plait.common.events import ConversationData
from plait.common.ids import conversation_id, new_exchange_id
from plait.common.postgres import Database
from plait.linker.announce import event_of
from tests import seeding

IDLE = Rule(timedelta(minutes=30))


@pytest.fixture
async def database(postgres_url: str) -> AsyncIterator[Database]:
    database = Database(postgres_url, name="test", size=2)
    yield database
    await database.close()


async def a_conversation(db: asyncpg.Connection, at: float, turns: int = 3, **columns: Any) -> UUID:
    """One of so many exchanges, on `main`, that is due now."""
    root = await seeding.add_exchange(db, at, **columns)
    await seeding.add_link(db, root, root)
    for n in range(1, turns):
        await seeding.add_link(db, await seeding.add_exchange(db, at + n, **columns), root)
    conversation = await seeding.add_conversation(db, root)
    await due(db, conversation)
    return conversation


async def due(db: asyncpg.Connection, conversation: UUID) -> None:
    await seeding.insert(
        db,
        "analyses_due",
        {"conversation_id": conversation, "domain": "a.test", "due_at": datetime.now(UTC) - timedelta(minutes=1)},
    )


def asker(database: Database, **settings: Any) -> RuleAsker:
    return RuleAsker(database, RuleSettings.model_validate({"analysis_auto": "idle:30m", **settings}), lambda: None)


async def asked(db: asyncpg.Connection) -> list[tuple[UUID, str]]:
    rows = await db.fetch("SELECT conversation_id, branch_id FROM analyses WHERE by_rule ORDER BY id")
    return [(row["conversation_id"], row["branch_id"]) for row in rows]


def event(at: datetime, **more: Any) -> Record:
    exchange = new_exchange_id(at.timestamp())
    data = ConversationData(
        **{
            "conversation_id": conversation_id(exchange),
            "revision": 1,
            "domain": "a.test",
            "title": None,
            "request_count": 1,
            "branch_ids": ["main"],
            "latest_exchange_id": exchange,
            **more,
        }
    )
    return Record("plait.conversations", 0, 0, event_of(data))


async def test_what_changed_is_noted_and_a_later_turn_puts_it_off(
    writer: asyncpg.Connection, database: Database
) -> None:
    now = datetime.now(UTC)
    first = event(now)
    number = first.event.data.conversation_id  # type: ignore[union-attr]
    later = event(now + timedelta(minutes=5), conversation_id=number)
    old, gone = event(now - timedelta(days=3)), event(now, deleted=True)
    watcher = Watcher(database, IDLE)
    assert list(await watcher.process([first, old, gone])) == []
    await watcher.process([later])
    await watcher.process([first])  # again, and late
    ((found, at),) = await writer.fetch("SELECT conversation_id, due_at FROM analyses_due")
    assert found == number
    assert abs(at - (now + timedelta(minutes=35))) < timedelta(seconds=1)
    await writer.execute("TRUNCATE analyses_due")
    await Watcher(database, None).process([first])
    assert await writer.fetchval("SELECT count(*) FROM analyses_due") == 0


async def test_what_is_due_and_let_through_is_asked_for_once(writer: asyncpg.Connection, database: Database) -> None:
    long = await a_conversation(writer, 0)
    await a_conversation(writer, 100, turns=2)
    await a_conversation(writer, 200, turns=9)
    await a_conversation(writer, 300, tag=TAG)
    later = await a_conversation(writer, 400)
    await writer.execute("UPDATE analyses_due SET due_at = now() + interval '1 h' WHERE conversation_id = $1", later)
    rule = asker(database, analysis_auto_max_requests=8)
    assert await rule.ask_some() == 4
    assert await asked(writer) == [(long, "main")]
    assert await rule.ask_some() == 0
    assert await writer.fetchval("SELECT asked_by FROM analyses") == "rule"
    assert await writer.fetchval("SELECT count(*) FROM analyses_outbox") == 1


async def test_kinds_of_branches(writer: asyncpg.Connection, database: Database) -> None:
    conversation = await a_conversation(writer, 0, turns=6)
    await writer.execute(
        "UPDATE links SET branch_id = 'subtask_1'"
        " WHERE exchange_id NOT IN (SELECT id FROM exchanges ORDER BY id LIMIT 3)"
    )
    await asker(database, analysis_auto_kinds=["subtask", "compact"]).ask_some()
    assert await asked(writer) == [(conversation, "subtask_1")]


async def test_what_has_gone_on_is_analysed_again_and_what_has_not_is_left(
    writer: asyncpg.Connection, database: Database
) -> None:
    conversation = await a_conversation(writer, 0)
    rule = asker(database)
    await rule.ask_some()
    await writer.execute("UPDATE analyses SET status = 'completed', custom_prompt = 'mine'")
    await due(writer, conversation)
    await rule.ask_some()
    assert await writer.fetchval("SELECT status FROM analyses") == "completed"
    await writer.execute("UPDATE analyses SET asked_at = (SELECT min(started_at) FROM exchanges)")
    await due(writer, conversation)
    await rule.ask_some()
    (row,) = await writer.fetch("SELECT status, regenerations, custom_prompt FROM analyses")
    assert tuple(row) == ("pending", 1, "mine")


async def test_a_day_s_number_and_dollars_are_not_exceeded(writer: asyncpg.Connection, database: Database) -> None:
    conversations = [await a_conversation(writer, 100 * n) for n in range(4)]
    await asker(database, analysis_auto_per_day=2).ask_some()
    assert len(await asked(writer)) == 2
    assert await asker(database, analysis_auto_per_day=2).ask_some() == 0
    await writer.execute("UPDATE analyses SET status = 'completed', completed_at = now(), cost_usd = 0.6")
    assert await asker(database, analysis_auto_budget_usd=1).ask_some() == 0
    await writer.execute("UPDATE analyses SET asked_at = asked_at - interval '1 day'")  # the next day
    await asker(database, analysis_auto_per_day=2).ask_some()
    assert {one for one, _ in await asked(writer)} == set(conversations)
