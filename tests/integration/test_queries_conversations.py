"""Conversations and figures over many exchanges on a real Postgres."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import asyncpg

from plait.common.ids import conversation_id
from plait.common.queries.conversations import (
    Branch,
    ConversationFilter,
    ConversationSummary,
    get_conversation,
    list_conversations,
)
from plait.common.queries.paging import Page
from plait.common.queries.statistics import DomainCount, Statistics, get_statistics, list_domains
from tests import scene, seeding

TOLD_TOKENS = 37 + 4 + 139 + 11 + 10


def told(s: scene.Scene) -> ConversationSummary:
    return ConversationSummary(
        conversation_id=s.told,
        title="A 100% story",
        domain="a.test",
        account_id="acc",
        session_ids=[scene.SESSION],
        first_message_time=seeding.START,
        last_message_time=seeding.moment(30),
        request_count=6,
        failed_count=1,
        message_count=5,
        total_tokens=TOLD_TOKENS,
        cost_usd=0.375,
        unpriced_count=3,
        branch_count=3,
        subtask_branch_count=1,
        compact_branch_count=0,
        user_branch_count=1,
        models_used=["claude-opus-5-5"],
        root_request_id=s.root,
        latest_request_id=s.more,
        latest_model="claude-opus-5-5",
        latest_context_tokens=11 + 100 + 8,
    )


async def test_list_latest_activity_first(writer: asyncpg.Connection, reader: asyncpg.Pool) -> None:
    s = await scene.play(writer)
    listed = await list_conversations(reader, ConversationFilter(), Page(50))
    assert [row.conversation_id for row in listed.rows] == [s.open, s.told]
    assert listed.rows[1] == told(s)
    untold = listed.rows[0]
    assert (untold.title, untold.session_ids, untold.models_used, untold.total_tokens) == (None, [], [], 0)


FILTERS: list[tuple[dict[str, Any], list[str]]] = [
    ({"domain": "a.test"}, ["told"]),
    ({"domain": "c.test"}, []),
    ({"account_id": "acc"}, ["told"]),
    ({"session_id": scene.SESSION}, ["told"]),
    ({"session_id": scene.SESSION[:-1]}, []),
    ({"date_from": seeding.moment(30)}, ["open", "told"]),
    ({"date_from": seeding.moment(31)}, ["open"]),
    ({"date_to": seeding.moment(40)}, ["told"]),
    ({"date_from": seeding.moment(5), "date_to": seeding.moment(6)}, ["told"]),
    ({"q": "100% S"}, ["told"]),
    ({"q": "1__%"}, []),
    ({"q": "%"}, ["told"]),
    ({"q": "_"}, []),
    ({"q": "story", "domain": "b.test"}, []),
]


async def test_filters(writer: asyncpg.Connection, reader: asyncpg.Pool) -> None:
    s = await scene.play(writer)
    for where, names in FILTERS:
        listed = await list_conversations(reader, ConversationFilter(**where), Page(50))
        assert [row.conversation_id for row in listed.rows] == [getattr(s, name) for name in names], where
        assert listed.pagination.total == len(names), where


async def test_pages(writer: asyncpg.Connection, reader: asyncpg.Pool) -> None:
    s = await scene.play(writer)
    first = await list_conversations(reader, ConversationFilter(), Page(1))
    second = await list_conversations(reader, ConversationFilter(), Page(1, 1))
    assert [row.conversation_id for row in first.rows + second.rows] == [s.open, s.told]
    assert [page.pagination.has_more for page in (first, second)] == [True, False]
    assert [page.pagination.total for page in (first, second)] == [2, 2]


async def test_one_with_its_requests_and_branches(writer: asyncpg.Connection, reader: asyncpg.Pool) -> None:
    s = await scene.play(writer)
    found = await get_conversation(reader, s.told)
    assert found is not None
    assert (found.title, found.total_tokens) == ("A 100% story", TOLD_TOKENS)
    assert [row.request_id for row in found.requests] == [s.root, s.title, s.more, s.task, s.other, s.failed]
    assert sum(row.total_tokens for row in found.requests) == found.total_tokens
    assert found.branches == [
        branch("main", "main", None, 3, 37 + 139, 0, 30),
        branch("subtask_1", "subtask", s.more, 1, 11, 12, 12),
        branch("branch_20261121120020", "user", s.root, 1, 10, 20, 20),
    ]


async def test_a_compaction_opens_a_branch(writer: asyncpg.Connection, reader: asyncpg.Pool) -> None:
    s = await scene.play(writer)
    after = await seeding.add_exchange(writer, 70)
    place = {"parent_id": s.more, "link_kind": "after_compaction", "branch_id": "compact_120110"}
    await seeding.add_link(writer, after, s.root, **place)
    found = await get_conversation(reader, s.told)
    assert found is not None
    assert found.branches[-1] == branch("compact_120110", "compact", s.more, 1, 0, 70, 70)


async def test_found_by_every_id_that_it_ever_had(writer: asyncpg.Connection, reader: asyncpg.Pool) -> None:
    s = await scene.play(writer)
    for exchange in (s.root, s.title, s.more, s.task, s.other, s.failed):
        found = await get_conversation(reader, conversation_id(exchange))
        assert found is not None
        assert found.conversation_id == s.told


async def test_unknown(writer: asyncpg.Connection, reader: asyncpg.Pool) -> None:
    s = await scene.play(writer)
    for stranger in (uuid4(), s.root, conversation_id(s.counting)):
        assert await get_conversation(reader, stranger) is None


async def test_statistics(writer: asyncpg.Connection, reader: asyncpg.Pool) -> None:
    await scene.play(writer)
    assert await get_statistics(reader, seeding.START) == Statistics(
        total_requests=8,
        unplaced_requests=1,
        total_tokens=TOLD_TOKENS,
        total_input_tokens=30,
        total_output_tokens=49,
        total_cache_creation_tokens=19,
        total_cache_read_tokens=103,
        total_cost_usd=0.375,
        average_response_time=round((6 * 1500 + 20) / 7, 2),
        error_count=1,
        active_domains=2,
        requests_by_model={"claude-opus-5-5": 5, "claude-haiku": 1},
        requests_by_type={"inference": 5, "query_evaluation": 1},
    )


async def test_statistics_of_one_domain_and_of_none(writer: asyncpg.Connection, reader: asyncpg.Pool) -> None:
    await scene.play(writer)
    there = await get_statistics(reader, seeding.START, "b.test")
    assert (there.total_requests, there.active_domains, there.requests_by_model) == (2, 1, {})
    nothing = await get_statistics(reader, seeding.START + timedelta(hours=1))
    assert (nothing.total_requests, nothing.total_tokens, nothing.average_response_time) == (0, 0, None)


async def test_domains_the_busiest_first(writer: asyncpg.Connection, reader: asyncpg.Pool) -> None:
    await scene.play(writer)
    assert await list_domains(reader, seeding.START) == [DomainCount(domain="a.test", request_count=6), B]
    assert await list_domains(reader, seeding.moment(35)) == [B]


B = DomainCount(domain="b.test", request_count=2)


def branch(name: str, kind: str, parent: Any, count: int, tokens: int, first: float, last: float) -> Branch:
    return Branch(
        branch_id=name,
        kind=kind,
        parent_request_id=parent,
        request_count=count,
        total_tokens=tokens,
        first_time=seeding.moment(first),
        last_time=seeding.moment(last),
    )
