"""Conversations in every order that the dashboard's list has, and how its trends are counted."""

from __future__ import annotations

from typing import Any

import asyncpg
import pytest

from plait.common.postgres import open_pool
from plait.common.queries import ranking
from plait.common.queries.conversations import ConversationFilter
from plait.common.queries.paging import Page
from plait.common.queries.ranking import (
    ORDERS,
    Order,
    active_conversations,
    rank_conversations,
    running_conversations,
    titles_of,
)
from plait.common.queries.scope import Scoped
from tests import scene, seeding

EVERYTHING = ConversationFilter()
FIRST_LAST = Page(50)


@pytest.fixture
async def played(writer: asyncpg.Connection) -> scene.Scene:
    played = await scene.play(writer)
    await seeding.sum_up(writer)
    return played


async def ranked(
    reader: asyncpg.Pool, order: Order, where: ConversationFilter = EVERYTHING, *, rising: bool = False
) -> list[object]:
    found = await rank_conversations(reader, where, order, FIRST_LAST, rising=rising)
    return [row.conversation_id for row in found.rows]


async def test_every_order_falls_and_rises(played: scene.Scene, reader: asyncpg.Pool) -> None:
    told, opened = played.told, played.open
    higher: dict[Order, object] = {"domain": opened, "activity": opened}
    lacking = {"title", "account", "model", "cost", "context"}  # of what has none: last, either way
    for order in ORDERS:
        first = higher.get(order, told)
        falling = [first, opened if first == told else told]
        assert await ranked(reader, order) == falling, order
        rising = falling if order in lacking else falling[::-1]
        assert await ranked(reader, order, rising=True) == rising, order


async def test_a_page_has_its_rows_and_the_whole_number(played: scene.Scene, reader: asyncpg.Pool) -> None:
    for at, number in enumerate((played.told, played.open)):
        listed = await rank_conversations(reader, EVERYTHING, "requests", Page(1, at))
        assert [row.conversation_id for row in listed.rows] == [number]
        assert (listed.pagination.total, listed.pagination.has_more) == (2, at == 0)
    behind = await rank_conversations(reader, EVERYTHING, "requests", Page(1, 9))
    assert (behind.rows, behind.pagination.total) == ([], 2)


@pytest.mark.parametrize("order", ORDERS)
async def test_pages_put_together_are_the_whole_list_in_order(
    writer: asyncpg.Connection, reader: asyncpg.Pool, order: Order
) -> None:
    """Of many with equal figures too, and with some that have none."""
    for n in range(23):
        root = await seeding.add_exchange(writer, n)
        nothing: dict[str, Any] = {"account_id": None, "title": None, "models": []}
        names = {"account_id": f"acc-{n % 3}", "title": f"{'tT'[n % 2]}itle {n % 4}", "models": [f"m{n % 3}"]}
        counts = {"request_count": n % 4, "branch_count": 1 + n % 2, "last_time": seeding.moment(n % 5)}
        await seeding.add_conversation(
            writer, root, domain=f"{n % 2}.test", **counts, **(nothing if n % 4 == 0 else names)
        )
        await seeding.add_link(writer, root, root)
        if n % 3:
            cost = None if n % 2 else n % 5
            await seeding.add_usage(writer, root, (n % 4, n % 4, 0, 0), cost_usd=cost)
    await seeding.sum_up(writer)
    for rising in (False, True):
        whole = await ranked(reader, order, rising=rising)
        pages = [
            await rank_conversations(reader, EVERYTHING, order, Page(4, at), rising=rising) for at in range(0, 24, 4)
        ]
        assert [row.conversation_id for page in pages for row in page.rows] == whole
        keys = await writer.fetch(f"SELECT c.id, {ranking.KEYS[order]} AS key FROM conversation_sums c")
        key_of = {row["id"]: row["key"] for row in keys}
        known = [key_of[number] for number in whole if key_of[number] is not None]
        assert known == sorted(known, reverse=not rising)
        assert len(whole) == 23
        assert all(key_of[number] is None for number in whole[len(known) :])


async def test_a_conversation_that_has_gone_meanwhile_is_left_out(
    played: scene.Scene, writer: asyncpg.Connection, reader: asyncpg.Pool
) -> None:
    await writer.execute("DELETE FROM conversations WHERE id = $1", played.told)
    assert await ranked(reader, "requests") == [played.open]


async def test_who_is_shown_some_domains_alone_ranks_theirs(
    played: scene.Scene, writer: asyncpg.Connection, postgres_url: str
) -> None:
    pool = await open_pool(postgres_url, name="test", size=1, read_only=True, role="plait_limited")
    listed = await rank_conversations(Scoped(pool, ["a.test"]), EVERYTHING, "cost", FIRST_LAST)
    assert [(row.conversation_id, row.cost_usd) for row in listed.rows] == [(played.told, 0.375)]
    await writer.execute("UPDATE usage SET cost_usd = 7 WHERE exchange_id = $1", played.root)
    listed = await rank_conversations(Scoped(pool, ["a.test"]), EVERYTHING, "cost", FIRST_LAST)
    assert [row.cost_usd for row in listed.rows] == [7.25], "as it is now, though the order is older"
    await pool.close()


@pytest.mark.parametrize(
    ("where", "found"),
    [
        (ConversationFilter(q="100%"), True),
        (ConversationFilter(q="200%"), False),
        (ConversationFilter(model="claude-opus-5-5"), True),
        (ConversationFilter(model="claude-opus"), False),
        (ConversationFilter(shape="subtask"), True),
        (ConversationFilter(shape="user"), True),
        (ConversationFilter(shape="compact"), False),
    ],
)
async def test_filters_that_look_at_each(
    played: scene.Scene, reader: asyncpg.Pool, where: ConversationFilter, found: bool
) -> None:
    assert await ranked(reader, "activity", where) == ([played.told] if found else [])


async def test_conversations_in_which_it_was_said_match_too(played: scene.Scene, reader: asyncpg.Pool) -> None:
    for words in ("no title has this", "abc"):
        where = ConversationFilter(q=words, told=[played.open])
        assert await ranked(reader, "activity", where) == [played.open]


async def test_activity_is_counted_by_stretches(
    played: scene.Scene, reader: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    starts = [seeding.moment(at) for at in (0, 30, 35, 60)]
    assert await active_conversations(reader, EVERYTHING, starts) == [0, 1, 1, 0]
    assert await active_conversations(reader, ConversationFilter(domain="b.test"), starts) == [0, 0, 1, 0]
    monkeypatch.setattr(ranking, "COUNTED", 1)
    assert await active_conversations(reader, EVERYTHING, starts) is None


async def test_running_ones_and_titles(played: scene.Scene, reader: asyncpg.Pool) -> None:
    both = [played.told, played.open]
    assert await running_conversations(reader, both) == {played.open}
    assert await running_conversations(reader, [played.told]) == set()
    assert await titles_of(reader, both) == {played.told: "A 100% story", played.open: None}
