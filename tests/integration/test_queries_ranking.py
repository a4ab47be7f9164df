"""Conversations in every order that the dashboard's list has, and how its trends are counted."""

from __future__ import annotations

import asyncpg
import pytest

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
from tests import scene, seeding

EVERYTHING = ConversationFilter()
FIRST_LAST = Page(50)


@pytest.fixture
async def played(writer: asyncpg.Connection) -> scene.Scene:
    return await scene.play(writer)


async def ranked(
    reader: asyncpg.Pool, order: Order, where: ConversationFilter = EVERYTHING, *, rising: bool = False
) -> list[object]:
    found = await rank_conversations(reader, where, order, FIRST_LAST, rising=rising)
    return [row.conversation_id for row in found.rows]


async def test_every_order_falls_and_rises(played: scene.Scene, reader: asyncpg.Pool) -> None:
    told, opened = played.told, played.open
    higher: dict[Order, object] = {"domain": opened, "activity": opened}
    lacking = {"title", "account", "model", "tokens", "cost", "context"}  # of what has none: last, either way
    for order in ORDERS:
        first = higher.get(order, told)
        falling = [first, opened if first == told else told]
        assert await ranked(reader, order) == falling, order
        rising = falling if order in lacking else falling[::-1]
        assert await ranked(reader, order, rising=True) == rising, order


async def test_a_page_has_its_rows_and_the_whole_number(played: scene.Scene, reader: asyncpg.Pool) -> None:
    second = await rank_conversations(reader, EVERYTHING, "requests", Page(1, 1))
    assert ([row.conversation_id for row in second.rows], second.total, second.bound) == ([played.open], 2, None)
    behind = await rank_conversations(reader, EVERYTHING, "requests", Page(1, 9))
    assert (behind.rows, behind.total) == ([], 0)


async def test_no_more_are_looked_at_than_is_told(
    played: scene.Scene, reader: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ranking, "SUMMED", 1)
    found = await rank_conversations(reader, EVERYTHING, "tokens", FIRST_LAST)
    assert ([row.conversation_id for row in found.rows], found.total, found.bound) == ([played.open], 1, 1)


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
