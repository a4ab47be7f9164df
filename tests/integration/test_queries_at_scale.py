"""A hundred thousand exchanges: lists walk indexes, and totals are told without counting all."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

import asyncpg
import pytest

from plait.common.postgres import open_pool
from plait.common.queries.exchanges import LOOKED_THROUGH, ExchangeFilter, list_exchanges
from plait.common.queries.named import statements
from plait.common.queries.paging import Cursor, Page

EXCHANGES: Final = 100_000
TURNS: Final = 20
"""Exchanges of a conversation."""
SEVENTH: Final = UUID(hashlib.md5(b"7").hexdigest())
"""The id of one conversation."""
MIDDLE: Final = datetime(2026, 11, 1, tzinfo=UTC) + EXCHANGES // 2 * timedelta(seconds=1)
DEEP: Final = Cursor(datetime(2026, 11, 1, 1, tzinfo=UTC), SEVENTH)
"""A place near the end of every list."""

_HISTORY = f"""
CREATE TEMPORARY TABLE made AS
SELECT n, n / {TURNS} AS conversation, ('019aa4b6-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid AS id,
    '2026-11-01T00:00:00Z'::timestamptz + n * interval '1 second' AS at
FROM generate_series(0, {EXCHANGES - 1}) AS n;
"""
_EXCHANGES = """
INSERT INTO exchanges (id, domain, started_at, method, path, kind, model, session_id, account_id, status, outcome,
    duration_ms, preview)
SELECT id, 'd' || conversation % 50, at, 'POST', '/v1/messages',
    CASE WHEN n % 1000 = 1 THEN 'compaction' ELSE 'inference' END,
    CASE WHEN n % 10000 = 2 THEN 'rare' ELSE 'm' || n % 3 END, 's' || conversation, 'a' || conversation % 20,
    CASE WHEN n % 1000 = 0 THEN 529 ELSE 200 END,
    CASE WHEN n % 1000 = 0 THEN 'failed' ELSE 'complete' END, 1000, 'turn ' || n
FROM made
"""
_LINKS = """
INSERT INTO links (exchange_id, own_id, conversation_id, link_kind, branch_id, rule, detail)
SELECT id, gen_random_uuid(), md5(conversation::text)::uuid, 'continue', 'main', 'scope', '{}'
FROM made
"""
_USAGE = """
INSERT INTO usage (exchange_id, domain, model, started_at, input_tokens, output_tokens, cache_read_tokens,
    cache_creation_tokens, cache_creation_5m_tokens, cache_creation_1h_tokens, web_search_requests,
    web_fetch_requests, estimated, raw)
SELECT id, 'd' || conversation % 50, 'm', at, 1, 1, 1, 1, 1, 0, 0, 0, false, '{}' FROM made
"""
_CONVERSATIONS = """
INSERT INTO conversations (id, root_id, domain, account_id, title, first_time, last_time, latest_id, request_count,
    message_count, session_ids, models, branch_count, subtask_count, compact_count, user_branch_count)
SELECT md5(conversation::text)::uuid, (array_agg(id ORDER BY n))[1], 'd' || conversation % 50,
    'a' || conversation % 20, 'title ' || conversation, min(at), max(at), (array_agg(id ORDER BY n DESC))[1],
    count(*), count(*), ARRAY['s' || conversation], ARRAY['m'], 1, 0, 0, 0
FROM made GROUP BY conversation
"""

_SUMS = """
TRUNCATE conversation_queue, conversation_sums;
INSERT INTO conversation_sums SELECT * FROM conversations_summed;
"""


@pytest.fixture
async def reader(postgres_url: str) -> AsyncIterator[asyncpg.Pool]:
    connection = await asyncpg.connect(postgres_url)
    await connection.execute(_HISTORY)
    for fill in (_EXCHANGES, _LINKS, _USAGE, _CONVERSATIONS, _SUMS):
        await connection.execute(fill)
    await connection.execute("VACUUM ANALYZE")
    await connection.close()
    pool = await open_pool(postgres_url, name="test", read_only=True)
    yield pool
    await pool.close()


EXCHANGE_LISTS: list[tuple[dict[str, Any], str]] = [
    ({}, "exchanges_by_time"),
    ({"domain": "d7"}, "exchanges_by_domain"),
    ({"session": "s7", "session_index": "s7"}, "exchanges_by_session"),
    ({"conversation": SEVENTH}, "links_by_conversation"),
    ({"trouble": "failed"}, "exchanges_troubled"),
    ({"refusal": 529}, "exchanges_by_refusal"),
    ({"other_kind": "compaction"}, "exchanges_by_kind"),
    ({"model": "rare", "model_index": "rare"}, "exchanges_by_model"),
    ({"running": True}, "exchanges_pkey"),
]
CONVERSATION_LISTS: list[tuple[dict[str, Any], str]] = [
    ({}, "conversations_by_time"),
    ({"domain": "d7"}, "conversations_by_domain"),
    ({"account": "a7"}, "conversations_by_account"),
    ({"session": "s7"}, "conversations_by_session"),
    ({"id": SEVENTH}, "conversations_pkey"),
]


def bound(noun: str, where: dict[str, Any], page: Page) -> tuple[str, list[object]]:
    """The statement of a page; filters that are not named are not given."""
    statement = statements(noun)["page"]
    names = re.findall(r"(?<!:):(\w+)", statement.sql)
    return statement.bind({**dict.fromkeys(names), **where, **page.values})


async def test_lists_walk_indexes_and_totals_are_near(reader: asyncpg.Pool) -> None:
    await lists_walk_indexes(reader)
    await counts_walk_indexes(reader)
    await deep_pages_read_no_more_than_the_first(reader)
    await totals_are_told_by_sums_or_near(reader)
    await words_are_looked_for_among_the_newest(reader)


async def lists_walk_indexes(reader: asyncpg.Pool) -> None:
    for noun, lists in (("exchanges", EXCHANGE_LISTS), ("conversations", CONVERSATION_LISTS)):
        for where, index in lists:
            for after in (None, DEEP):
                sql, arguments = bound(noun, where, Page(100, after=after))
                plan = json.loads(await reader.fetchval(f"EXPLAIN (FORMAT JSON) {sql}", *arguments))
                nodes = list(walked(plan[0]["Plan"]))
                assert index in {node.get("Index Name") for node in nodes}, where
                scanned = {node["Relation Name"] for node in nodes if node["Node Type"] == "Seq Scan"}
                assert scanned <= {"running", "conversation_queue"}, where


async def counts_walk_indexes(reader: asyncpg.Pool) -> None:
    """A bounded count that scanned the table would at times read all of it: each scan begins where one before ended."""
    statement = statements("exchanges")["count"]
    names = dict.fromkeys(re.findall(r"(?<!:):(\w+)", statement.sql))
    for where in ({}, {"since": datetime(2026, 11, 1, 20, tzinfo=UTC)}, {"model": "m1"}):
        sql, arguments = statement.bind({**names, **where, "counted": 10_001})
        plan = json.loads(await reader.fetchval(f"EXPLAIN (FORMAT JSON) {sql}", *arguments))
        assert "Seq Scan" not in {node["Node Type"] for node in walked(plan[0]["Plan"])}, where


async def deep_pages_read_no_more_than_the_first(reader: asyncpg.Pool) -> None:
    sql, arguments = bound("exchanges", {}, Page(100, after=DEEP))
    plan = json.loads(await reader.fetchval(f"EXPLAIN (ANALYZE, FORMAT JSON) {sql}", *arguments))
    (walk,) = (n for n in walked(plan[0]["Plan"]) if n.get("Index Name") == "exchanges_by_time")
    assert (walk["Actual Rows"], walk.get("Rows Removed by Index Recheck", 0)) == (101, 0)
    assert walk.get("Rows Removed by Filter", 0) == 0


async def totals_are_told_by_sums_or_near(reader: asyncpg.Pool) -> None:
    for where, total in (
        (ExchangeFilter(), EXCHANGES),
        (ExchangeFilter(domain="d7"), EXCHANGES // 50),
        (ExchangeFilter(model="m1"), EXCHANGES // 3),
        (ExchangeFilter(account_id="a3", domain="d3"), EXCHANGES // 100),
        (ExchangeFilter(since=MIDDLE), EXCHANGES // 2),
    ):
        place = (await list_exchanges(reader, where, Page())).pagination
        assert not place.total_is_estimate, where
        assert place.total == pytest.approx(total, abs=EXCHANGES // 10_000), where
    place = (await list_exchanges(reader, ExchangeFilter(outcome="complete"), Page())).pagination
    assert place.total_is_estimate
    assert place.total == pytest.approx(EXCHANGES, rel=0.2)


async def words_are_looked_for_among_the_newest(reader: asyncpg.Pool) -> None:
    """The cursor leads on through all of them."""
    found, pages, after = 0, 0, None
    while True:
        listed = await list_exchanges(reader, ExchangeFilter(q="TURN 7777"), Page(20, after=after))
        found, pages = found + len(listed.rows), pages + 1
        if listed.pagination.next_cursor is None:
            break
        assert listed.pagination.total_is_estimate
        assert listed.pagination.has_more
        after = Cursor.parse(listed.pagination.next_cursor)
    assert (found, pages) == (11, EXCHANGES // LOOKED_THROUGH + 1)  # turn 7777 and turn 77770 to 77779


def walked(node: dict[str, Any]) -> list[dict[str, Any]]:
    """The nodes of a plan."""
    return [node, *(below for child in node.get("Plans", []) for below in walked(child))]
