"""Full-text search over what the linker stored: each thing once, where it was first said, whatever the order."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Sequence
from typing import Any

import asyncpg
import pytest

from plait.common.postgres import Database
from plait.common.queries.exchanges import ExchangeFilter
from plait.common.queries.search import Hit, Hits, Place, search
from plait.common.search.query import parse
from plait.linker.indexing.task import index_some
from plait.linker.processor import Linker
from tests.exchange_events import Part, answered, asked, records, said

Found = tuple[Any, int, str]


@pytest.fixture
async def database(postgres_url: str) -> AsyncIterator[Database]:
    database = Database(postgres_url, name="test", size=3)
    yield database
    await database.close()


async def store(database: Database, *parts: Part) -> None:
    """Each part in a batch of its own, and indexed at once."""
    for part in parts:
        await Linker(database, lambda: None).process(records(part))
        await index(database)


async def index(database: Database) -> None:
    while await index_some(database):
        pass


async def hits(
    reader: asyncpg.Pool, line: str, limit: int = 100, place: Place | None = None, **where: Any
) -> list[Hit]:
    found: Hits = await search(reader, parse(line), ExchangeFilter(**where), limit, place)
    return found.results


async def places(reader: asyncpg.Pool, line: str, **where: Any) -> list[Found]:
    found = await hits(reader, line, **where)
    return sorted(((hit.request_id, hit.message_index, hit.role) for hit in found), key=str)


async def test_a_conversation_is_found_where_it_was_said(database: Database, reader: asyncpg.Pool) -> None:
    call = {"type": "tool_use", "id": "toolu_1", "name": "Bash", "input": {"command": "ls walrus"}}
    result = {"type": "tool_result", "tool_use_id": "toolu_1", "content": [{"type": "text", "text": "penguin.txt"}]}
    first = asked(said("user", "count the seals"))
    told = answered(first, [{"type": "text", "text": "Looking for otters."}, call])
    second = asked(
        said("user", "count the seals"), said("assistant", [{"type": "text", "text": "Looking for otters."}, call]),
        said("user", [result]), at=10,
    )  # fmt: skip
    await store(database, first, told, second, answered(second, "One penguin."))
    assert await places(reader, "seals") == [(first.exchange_id, 0, "user")]
    assert await places(reader, "otters") == [(first.exchange_id, 1, "assistant")]
    assert await places(reader, "walrus") == [(first.exchange_id, 1, "assistant")]
    assert await places(reader, "penguin") == sorted(
        [(second.exchange_id, 2, "user"), (second.exchange_id, 3, "assistant")], key=str
    )


@pytest.mark.parametrize("order", list(itertools.permutations(range(4)))[::5])
async def test_any_order_of_arrival_gives_the_same(
    database: Database, reader: asyncpg.Pool, order: Sequence[int]
) -> None:
    first = asked(said("user", "blue"))
    second = asked(said("user", "blue"), said("assistant", "green"), said("user", "red"), at=10)
    parts: list[Part] = [first, answered(first, "green"), second, answered(second, "black")]
    await store(database, *(parts[number] for number in order))
    await store(database, *parts)
    found = {color: [(h.request_id, h.message_index) for h in await hits(reader, color)] for color in COLORS}
    assert found == {
        "blue": [(first.exchange_id, 0)],
        "green": [(first.exchange_id, 1)],
        "red": [(second.exchange_id, 2)],
        "black": [(second.exchange_id, 3)],
    }


COLORS = ("blue", "green", "red", "black")
