"""The ledger on a real database: one row an exchange that reported usage, however often it comes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
import pytest

from plait.common.consumer import Record
from plait.common.errors import DependencyDown
from plait.common.events import Outcome, ResponseData, response_event
from plait.common.ids import new_exchange_id
from plait.common.postgres import Database
from plait.ledger.processor import Ledger

USAGE = {
    "input_tokens": 11,
    "output_tokens": 7,
    "cache_read_input_tokens": 5,
    "cache_creation_input_tokens": 3,
    "cache_creation": {"ephemeral_5m_input_tokens": 1, "ephemeral_1h_input_tokens": 2},
    "server_tool_use": {"web_search_requests": 4, "web_fetch_requests": 6},
    "service_tier": "standard",
    "iterations": [{"type": "message"}],
}


def answer(
    usage: object = USAGE, *, exchange_id: UUID | None = None, outcome: Outcome = "complete", **given: Any
) -> Record:
    now = datetime.now(UTC)
    known: dict[str, Any] = {"domain": "d", "model": "claude-opus-4-5", "account_id": "acc", "status": 200}
    data = ResponseData(
        exchange_id=exchange_id or new_exchange_id(),
        thread="t",
        started_at=now,
        outcome=outcome,
        headers=[],
        ended_at=now,
        duration_ms=1.0,
        usage=msgspec.Raw(usage if isinstance(usage, bytes) else msgspec.json.encode(usage)),
        **{**known, **given},
    )
    return Record("plait.responses", 0, 0, response_event(data))


@pytest.fixture
async def ledger(postgres_url: str) -> AsyncIterator[Ledger]:
    database = Database(postgres_url, name="ledger", size=1)
    yield Ledger(database)
    await database.close()


@pytest.fixture
async def reader(postgres_url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(postgres_url)
    yield connection
    await connection.close()


async def test_a_row_holds_every_figure(ledger: Ledger, reader: asyncpg.Connection) -> None:
    record = answer()
    await ledger.process([record])

    row = dict((await reader.fetch("SELECT * FROM usage"))[0])
    assert msgspec.json.decode(row.pop("raw")) == USAGE
    assert isinstance(row.pop("started_at"), datetime)
    row = {name: value for name, value in row.items() if not name.startswith(("cost_", "price_"))}
    assert row == {
        "exchange_id": UUID(record.event.subject),
        "domain": "d",
        "account_id": "acc",
        "model": "claude-opus-4-5",
        "input_tokens": 11,
        "output_tokens": 7,
        "cache_read_tokens": 5,
        "cache_creation_tokens": 3,
        "cache_creation_5m_tokens": 1,
        "cache_creation_1h_tokens": 2,
        "web_search_requests": 4,
        "web_fetch_requests": 6,
        "service_tier": "standard",
        "estimated": False,
        "placed": False,
        "kind": None,
        "request_type": None,
        "key_name": None,
        "tag": None,
        "agent_type": None,
        "thinking_tokens": 0,
        "speed": None,
        "subscription": False,
    }


async def test_repeats_and_further_answers_of_an_exchange_change_nothing(
    ledger: Ledger, reader: asyncpg.Connection
) -> None:
    first = answer()
    again = answer({"input_tokens": 999}, exchange_id=UUID(first.event.subject))
    await ledger.process([first, first, again])
    await ledger.process([again, first])

    assert [row["input_tokens"] for row in await reader.fetch("SELECT * FROM usage")] == [11]


async def test_two_writers_of_the_same_rows_in_any_order(
    ledger: Ledger, reader: asyncpg.Connection, postgres_url: str
) -> None:
    database = Database(postgres_url, name="ledger", size=1)
    other = Ledger(database)
    batch = [answer() for _ in range(200)]
    await asyncio.gather(ledger.process(batch), other.process(batch[::-1]))
    await asyncio.gather(ledger.process(batch[::-1]), other.process(batch))
    assert await reader.fetchval("SELECT count(*) FROM usage") == 200
    await database.close()


@pytest.mark.parametrize("outcome", ["interrupted", "aborted", "failed"])
async def test_an_unfinished_answer_counts_what_was_seen(
    ledger: Ledger, reader: asyncpg.Connection, outcome: Outcome
) -> None:
    await ledger.process([answer(outcome=outcome)])
    assert [(row["input_tokens"], row["estimated"]) for row in await reader.fetch("SELECT * FROM usage")] == [
        (11, True)
    ]


@pytest.mark.parametrize("usage", [b"null", b"[]", b"7", b"{}"])
async def test_an_answer_that_reports_nothing_has_no_row(
    ledger: Ledger, reader: asyncpg.Connection, usage: bytes
) -> None:
    assert await ledger.process([answer(usage)]) == []
    assert await reader.fetchval("SELECT count(*) FROM usage") == 0


async def test_a_count_of_tokens_has_no_row(ledger: Ledger, reader: asyncpg.Connection) -> None:
    counted = answer(usage=b"null", body=msgspec.Raw(b'{"input_tokens":14}'))
    await ledger.process([counted])
    assert await reader.fetchval("SELECT count(*) FROM usage") == 0


async def test_hostile_texts_and_figures_are_stored_as_far_as_they_can_be(
    ledger: Ledger, reader: asyncpg.Connection
) -> None:
    usage = {"input_tokens": 10**30, "output_tokens": 3, "service_tier": "a\0b", "x": ["\0", {"\0k": 1.5}]}
    rejected = await ledger.process([answer(usage, model="m\0" * 400, domain="d\0", account_id="é" * 3000), answer()])

    assert rejected == []
    row = await reader.fetchrow("SELECT * FROM usage WHERE input_tokens = 0")
    assert row is not None
    assert (row["output_tokens"], row["service_tier"], row["domain"]) == (3, "ab", "d")
    assert msgspec.json.decode(row["raw"])["x"] == ["", {"k": 1.5}]
    assert await reader.fetchval("SELECT count(*) FROM usage") == 2


async def test_an_unreadable_usage_is_rejected_alone(ledger: Ledger, reader: asyncpg.Connection) -> None:
    bad = answer(b'{"input_tokens":1e999}')
    assert [r.record for r in await ledger.process([answer(), bad, answer()])] == [bad]
    assert await reader.fetchval("SELECT count(*) FROM usage") == 2


async def test_a_database_that_is_away_is_no_fault_of_the_records() -> None:
    database = Database("postgresql://nobody@127.0.0.1:1/none", name="ledger")
    with pytest.raises(DependencyDown):
        await Ledger(database).process([answer()])


async def test_a_database_without_tables_is_away(empty_postgres_url: str) -> None:
    database = Database(empty_postgres_url, name="ledger", size=1)
    with pytest.raises(DependencyDown):
        await Ledger(database).process([answer()])
    await database.close()
