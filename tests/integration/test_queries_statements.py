"""How many statements a question costs: as many for many rows as for few."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from typing import Any

import asyncpg
import msgspec
import pytest

from plait.common.queries.asked import asked_models
from plait.common.queries.choices import list_choices
from plait.common.queries.conversations import ConversationFilter, get_conversation, list_conversations
from plait.common.queries.exchanges import ExchangeFilter, list_exchanges
from plait.common.queries.paging import Page, Reader
from plait.common.queries.ranking import (
    active_conversations,
    rank_conversations,
    running_conversations,
    titles_of,
)
from plait.common.queries.records import get_exchange, get_prompt, list_chunks
from plait.common.queries.series import usage_series
from plait.common.queries.statistics import get_statistics, list_domains
from tests import scene, seeding

Question = Callable[[Reader, scene.Scene], Awaitable[Any]]

COSTS: list[tuple[str, Question, int]] = [
    ("a page of exchanges", lambda db, _: list_exchanges(db, ExchangeFilter(), Page(3)), 2),
    ("the last page", lambda db, _: list_exchanges(db, ExchangeFilter(), Page(100)), 1),
    ("by conversation", lambda db, s: list_exchanges(db, ExchangeFilter(conversation_id=s.told), Page(3)), 3),
    ("one exchange", lambda db, s: get_exchange(db, s.more), 4),
    ("chunks", lambda db, s: list_chunks(db, s.root), 1),
    ("a page of conversations", lambda db, _: list_conversations(db, ConversationFilter(), Page(1)), 2),
    ("one conversation", lambda db, s: get_conversation(db, s.told), 3),
    ("words", lambda db, _: list_exchanges(db, ExchangeFilter(q="a"), Page(1)), 3),
    ("a prompt", lambda db, s: get_prompt(db, s.more), 2),
    ("statistics", lambda db, _: get_statistics(db, seeding.START), 2),
    ("domains", lambda db, _: list_domains(db, seeding.START), 1),
    ("use over time", lambda db, _: usage_series(db, "model", [seeding.START], seeding.START + timedelta(days=1)), 1),
    ("tools over time", lambda db, _: usage_series(db, "tool", [seeding.START], seeding.START + timedelta(days=1)), 1),
    ("conversations in another order", lambda db, _: rank_conversations(db, ConversationFilter(), "cost", Page(9)), 2),
    ("how active they were", lambda db, _: active_conversations(db, ConversationFilter(), [seeding.START]), 1),
    ("which of them run", lambda db, s: running_conversations(db, [s.told, s.open]), 1),
    ("their titles", lambda db, s: titles_of(db, [s.told, s.open]), 1),
    ("what requests asked for", lambda db, s: asked_models(db, [s.root, s.more]), 1),
    ("choices", lambda db, _: list_choices(db, seeding.START), 3),
]


class Counting(asyncpg.Connection):
    """Keeps the statements that ask something."""

    asked: list[str]

    async def fetch(self, query: str, *args: Any, **options: Any) -> Any:
        self.asked.append(query)
        return await super().fetch(query, *args, **options)

    async def fetchrow(self, query: str, *args: Any, **options: Any) -> Any:
        self.asked.append(query)
        return await super().fetchrow(query, *args, **options)

    async def fetchval(self, query: str, *args: Any, **options: Any) -> Any:
        self.asked.append(query)
        return await super().fetchval(query, *args, **options)


@pytest.fixture
async def counting(postgres_url: str) -> AsyncIterator[Counting]:
    connection = await asyncpg.connect(postgres_url, connection_class=Counting)
    await connection.set_type_codec("jsonb", encoder=str, decoder=msgspec.json.decode, schema="pg_catalog")
    yield connection
    await connection.close()


async def test_costs_do_not_grow(counting: Counting) -> None:
    s = await scene.play(counting)
    for grown in (False, True):
        if grown:
            await more_of_everything(counting, s)
        for name, question, cost in COSTS:
            counting.asked = []
            await question(counting, s)
            assert len(counting.asked) == cost, (name, grown, counting.asked)


async def more_of_everything(connection: asyncpg.Connection, s: scene.Scene) -> None:
    for at in range(100, 150):
        exchange = await seeding.add_exchange(connection, at)
        await seeding.add_link(connection, exchange, s.root, branch_id=f"branch_{at}")
        await seeding.add_usage(connection, exchange, (1, 1, 1, 1))
        await seeding.add_conversation(connection, exchange)
        await seeding.add_pieces(connection, s.root, at, [])
