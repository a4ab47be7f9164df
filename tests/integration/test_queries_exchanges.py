"""Lists of exchanges on a real Postgres."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from plait.common.events import Fault
from plait.common.ids import conversation_id
from plait.common.queries import exchanges, paging
from plait.common.queries.exchanges import ExchangeFilter, get_summary, list_exchanges, list_of_conversation
from plait.common.queries.paging import Page, Pagination
from tests import scene, seeding


async def test_nothing_is_an_empty_page(reader: asyncpg.Pool) -> None:
    listed = await list_exchanges(reader, ExchangeFilter(), Page())
    assert listed.rows == []
    assert listed.pagination == Pagination(total=0, limit=100, offset=0, has_more=False)


async def test_newest_first_and_only_what_has_its_request(writer: asyncpg.Connection, reader: asyncpg.Pool) -> None:
    s = await scene.play(writer)
    listed = await list_exchanges(reader, ExchangeFilter(), Page())
    assert [row.request_id for row in listed.rows] == s.newest_first
    assert await get_summary(reader, s.answer_only) is None
    assert await get_summary(reader, uuid4()) is None


async def test_every_field_of_a_row(writer: asyncpg.Connection, reader: asyncpg.Pool) -> None:
    s = await scene.play(writer)
    assert await get_summary(reader, s.root) == exchanges.ExchangeSummary(
        request_id=s.root,
        domain="a.test",
        account_id="acc",
        session_id=scene.SESSION,
        agent_id=None,
        kind="inference",
        side_kind=None,
        model="claude-opus-5-5",
        timestamp=seeding.START,
        method="POST",
        path="/v1/messages",
        status=200,
        outcome="complete",
        streamed=True,
        input_tokens=10,
        output_tokens=20,
        cache_read_input_tokens=0,
        cache_creation_input_tokens=7,
        total_tokens=37,
        cost_usd=0.125,
        subscription=False,
        duration_ms=1500.0,
        first_token_ms=250.0,
        message_count=1,
        tool_call_count=2,
        conversation_id=s.told,
        branch_id="main",
        parent_request_id=None,
        link_kind="root",
        request_type="inference",
        retry_of=None,
        serves_request_id=None,
        is_subtask=False,
        parent_task_request_id=None,
        tag="ci",
        key_name="team",
        preview=scene.FIRST["content"],
        error=None,
    )


async def test_places_in_the_tree(writer: asyncpg.Connection, reader: asyncpg.Pool) -> None:
    s = await scene.play(writer)
    rows = {row.request_id: row for row in (await list_exchanges(reader, ExchangeFilter(), Page())).rows}
    task, title, failed = rows[s.task], rows[s.title], rows[s.failed]
    assert (task.parent_request_id, task.link_kind, task.branch_id) == (s.more, "spawn", "subtask_1")
    assert (task.is_subtask, task.parent_task_request_id) == (True, s.more)
    assert (title.parent_request_id, title.link_kind, title.serves_request_id) == (None, None, s.root)
    assert (title.conversation_id, title.side_kind) == (s.told, "title")
    assert (failed.retry_of, failed.error) == (s.more, Fault("overloaded_error", "Overloaded"))
    assert rows[s.counting].conversation_id is None


async def test_a_running_exchange_has_neither_outcome_nor_status(
    writer: asyncpg.Connection, reader: asyncpg.Pool
) -> None:
    s = await scene.play(writer)
    row = await get_summary(reader, s.running)
    assert row is not None
    assert (row.outcome, row.status, row.duration_ms, row.total_tokens, row.error) == (None, None, None, 0, None)


async def test_all_of_a_conversation_in_time_order(writer: asyncpg.Connection, reader: asyncpg.Pool) -> None:
    s = await scene.play(writer)
    rows = await list_of_conversation(reader, s.told)
    assert [row.request_id for row in rows] == [s.root, s.title, s.more, s.task, s.other, s.failed]


FILTERS: list[tuple[dict[str, Any], list[str]]] = [
    ({"domain": "b.test"}, ["counting", "running"]),
    ({"domain": "B.test"}, []),
    ({"session_id": scene.SESSION, "kind": "subagent"}, ["task"]),
    ({"kind": "auxiliary"}, ["title"]),
    ({"model": "claude-haiku"}, ["title"]),
    ({"status": 529}, ["failed"]),
    ({"outcome": "failed"}, ["failed"]),
    ({"running": True}, ["running"]),
    ({"since": seeding.moment(40)}, ["counting", "running"]),
    ({"until": seeding.moment(1)}, ["root"]),
    ({"since": seeding.moment(10), "until": seeding.moment(20)}, ["task", "more"]),
    ({"q": "STORY"}, ["root"]),
    ({"q": "100%"}, ["root"]),
    ({"q": "wool_and\\linen"}, ["root"]),
    ({"q": "%"}, ["root"]),
    ({"q": "_"}, ["counting", "root"]),
    ({"q": "\\"}, ["root"]),
    ({"q": "0% w__l"}, []),
    ({"q": "haiku"}, ["title"]),
    ({"q": "count_tok"}, ["counting"]),
    ({"q": "'; SELECT pg_sleep(9); --"}, []),
    ({"domain": "a.test", "q": "more", "status": 200}, ["more"]),
]


async def test_filters(writer: asyncpg.Connection, reader: asyncpg.Pool) -> None:
    s = await scene.play(writer)
    for where, names in FILTERS:
        listed = await list_exchanges(reader, ExchangeFilter(**where), Page())
        assert [row.request_id for row in listed.rows] == [getattr(s, name) for name in names], where
        assert listed.pagination.total == len(names), where


async def test_a_conversation_is_found_by_each_of_its_ids(writer: asyncpg.Connection, reader: asyncpg.Pool) -> None:
    s = await scene.play(writer)
    for exchange in (s.root, s.task, s.title):
        where = ExchangeFilter(conversation_id=conversation_id(exchange))
        assert (await list_exchanges(reader, where, Page())).pagination.total == 6
    for stranger in (conversation_id(s.counting), uuid4()):
        where = ExchangeFilter(conversation_id=stranger)
        assert (await list_exchanges(reader, where, Page())).rows == []


async def test_pages_make_up_the_list(writer: asyncpg.Connection, reader: asyncpg.Pool) -> None:
    s = await scene.play(writer)
    for limit in (1, 3, 8, 100):
        assert await paged(reader, limit) == s.newest_first


async def paged(reader: asyncpg.Pool, limit: int) -> list[UUID]:
    found: list[UUID] = []
    more = True
    while more:
        listed = await list_exchanges(reader, ExchangeFilter(), Page(limit, len(found)))
        assert listed.pagination.total == 8
        found += [row.request_id for row in listed.rows]
        more = listed.pagination.has_more
    return found


async def test_a_page_behind_the_end(writer: asyncpg.Connection, reader: asyncpg.Pool) -> None:
    await scene.play(writer)
    listed = await list_exchanges(reader, ExchangeFilter(), Page(10, 1_000_000_000))
    assert listed.rows == []
    assert listed.pagination == Pagination(total=8, limit=10, offset=1_000_000_000, has_more=False)


async def test_equal_times_are_ordered_by_id(writer: asyncpg.Connection, reader: asyncpg.Pool) -> None:
    ids = [await seeding.add_exchange(writer, 0) for _ in range(5)]
    listed = await list_exchanges(reader, ExchangeFilter(), Page())
    assert [row.request_id for row in listed.rows] == sorted(ids, reverse=True)


async def test_beyond_ten_thousand_the_total_is_told_by_sums_or_an_estimate(
    writer: asyncpg.Connection, reader: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    await scene.play(writer)
    monkeypatch.setattr(paging, "COUNTED", 7)
    place = (await list_exchanges(reader, ExchangeFilter(), Page(2))).pagination
    assert (place.total_is_estimate, place.total, place.has_more) == (False, 8, True)
    untold = ExchangeFilter(outcome="complete")
    monkeypatch.setattr(paging, "COUNTED", 5)
    place = (await list_exchanges(reader, untold, Page(2))).pagination
    assert (place.total_is_estimate, place.has_more) == (True, True)
    assert place.total > 5
    monkeypatch.setattr(paging, "COUNTED", 6)
    place = (await list_exchanges(reader, untold, Page(2))).pagination
    assert (place.total_is_estimate, place.total) == (False, 6)


async def test_readers_cannot_write(reader: asyncpg.Pool) -> None:
    with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
        await reader.execute("DELETE FROM exchanges")
