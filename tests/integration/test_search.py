"""Full-text search over what the linker stored: each thing once, where it was first said, whatever the order."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from plait.common.consumer import Record, Rejected
from plait.common.errors import DependencyDown
from plait.common.postgres import Database, open_pool
from plait.common.queries import search as searching
from plait.common.queries.exchanges import ExchangeFilter
from plait.common.queries.scope import Scoped
from plait.common.queries.search import Hit, Hits, Place, search
from plait.common.search.query import parse
from plait.common.search.slots import mask_of, slot_of
from plait.linker.forget.forgetting import forget
from plait.linker.indexing import task
from plait.linker.indexing.news import News, Sent, news_of
from plait.linker.indexing.rebuilding import rebuild
from plait.linker.indexing.task import index_some
from plait.linker.indexing.watching import Watched
from plait.linker.processor import Linker
from tests.exchange_events import START, Part, answered, asked, ended, records, said
from tests.integration.test_linker_corpus import forget as empty
from tests.recorded_events import everything
from tests.servers import fresh_database

Found = tuple[Any, int, str]


@pytest.fixture(scope="module")
def shared_url(postgres_server: str, migrated_template: str) -> Iterator[str]:
    """One database for all of these tests, emptied before each."""
    with fresh_database(postgres_server, migrated_template) as url:
        yield url


@pytest.fixture
async def database(shared_url: str) -> AsyncIterator[Database]:
    database = Database(shared_url, name="test", size=3)
    await empty(database)
    yield database
    await database.close()


@pytest.fixture
async def reader(shared_url: str) -> AsyncIterator[asyncpg.Pool]:
    pool = await open_pool(shared_url, name="test", size=2, read_only=True)
    yield pool
    await pool.close()


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


async def test_an_agents_task_and_report_are_found_once(database: Database, reader: asyncpg.Pool) -> None:
    task = "Count the capybaras in the garden and tell how many there are."
    call = {"type": "tool_use", "id": "toolu_1", "name": "Agent", "input": {"prompt": task}}
    first = asked(said("user", "start"))
    agent = asked(said("user", f"<system-reminder>x</system-reminder>{task}"), at=5, headers=AGENT)
    report = "There are seven capybaras."
    result = {"type": "tool_result", "tool_use_id": "toolu_1", "content": f"Done:\n  {report}\nagentId: a0 (…)"}
    second = asked(said("user", "start"), said("assistant", [call]), said("user", [result]), at=10)
    await store(database, first, answered(first, [call]), agent, answered(agent, report))
    await store(database, second, answered(second, "Fine."))
    assert await places(reader, "capybaras garden") == [(first.exchange_id, 1, "assistant")]
    assert await places(reader, "capybaras seven") == [(agent.exchange_id, 1, "assistant")]


AGENT = [("x-claude-code-agent-id", "a0123456789abcdef")]


async def test_a_retry_and_a_prompt_that_is_sent_again_after_a_failure_say_nothing_new(
    database: Database, reader: asyncpg.Pool
) -> None:
    prompt = said("user", "walrus")
    first = asked(prompt)
    failed = ended(first, outcome="failed", status=529, body=b'{"type":"error"}')
    again = asked(prompt, at=5)
    later = asked(prompt, said("assistant", "Yes."), said("user", "otter"), at=10)
    refused = ended(later, outcome="failed", status=400, body=b'{"type":"error"}')
    both = [{"type": "text", "text": "otter"}, {"type": "text", "text": "seal"}]
    last = asked(prompt, said("assistant", "Yes."), said("user", both), at=20)
    await store(database, first, failed, again, answered(again, "Yes."), later, refused, last, answered(last, "No."))
    assert await places(reader, "walrus") == [(first.exchange_id, 0, "user")]
    assert await places(reader, "otter") == [(later.exchange_id, 2, "user")]
    assert await places(reader, "seal") == [(last.exchange_id, 2, "user")]


async def test_side_calls_are_not_searched(database: Database, reader: asyncpg.Pool) -> None:
    first = asked(said("user", "walrus"))
    title = asked(said("user", "walrus"), at=1, system="Generate a short kebab-case name", tools=[])
    await store(database, first, answered(first, "Yes."), title, answered(title, "walrus-title"))
    assert await places(reader, "walrus") == [(first.exchange_id, 0, "user")]


async def test_what_is_said_again_is_found_again(database: Database, reader: asyncpg.Pool) -> None:
    first = asked(said("user", "continue"))
    second = asked(said("user", "continue"), said("assistant", "Yes."), said("user", "continue"), at=10)
    await store(database, first, answered(first, "Yes."), second)
    assert [hit.message_index for hit in await hits(reader, "continue")] == [2, 0]


async def test_a_deleted_exchange_is_found_no_more(database: Database, reader: asyncpg.Pool) -> None:
    first = asked(said("user", "walrus"))
    second = asked(said("user", "walrus"), said("assistant", "Yes."), said("user", "otter"), at=10)
    await store(database, first, answered(first, "Yes."), second, answered(second, "seal"))
    await delete(database, [first.exchange_id])
    assert await reader.fetchval("SELECT count(*) FROM search_texts WHERE exchange_id = $1", first.exchange_id) == 0
    await index(database)
    assert await places(reader, "walrus") == [(second.exchange_id, 0, "user")]  # it is the first to say so now
    assert await places(reader, "seal") == [(second.exchange_id, 3, "assistant")]


async def delete(database: Database, exchanges: Sequence[UUID]) -> None:
    """Delete these."""
    async with database.transaction() as connection:
        await forget(connection, dict.fromkeys(exchanges, "a.test"))


async def test_a_batch_that_is_broken_off_is_indexed_later(
    database: Database, reader: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = asked(said("user", "walrus"))
    await Linker(database, lambda: None).process(records(first, answered(first, "Yes.")))

    async def killed(*_: object) -> None:
        raise ConnectionResetError

    with monkeypatch.context() as patch:
        patch.setattr(task, "write", killed)
        with pytest.raises(DependencyDown):
            await index_some(database)
    assert await places(reader, "walrus") == []
    await index(database)
    assert await places(reader, "walrus") == [(first.exchange_id, 0, "user")]


async def test_many_at_once_index_each_once(database: Database, reader: asyncpg.Pool, shared_url: str) -> None:
    talk = [asked(said("user", f"walrus number {n}"), session=f"s{n}") for n in range(30)]
    await Linker(database, lambda: None).process(records(*talk))
    others = [Database(shared_url, name="test", size=1) for _ in range(3)]
    await asyncio.gather(*(index_few(one) for one in others))
    for one in others:
        await one.close()
    await index(database)
    assert len(await hits(reader, "walrus")) == len(talk)
    assert await reader.fetchval("SELECT count(*) FROM search_queue") == 0


async def index_few(database: Database) -> None:
    while await index_some(database, 4):
        pass


async def test_hostile_messages_are_bounded(database: Database, reader: asyncpg.Pool) -> None:
    big = "walrus " * 1_000_000
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "QUJD" * 500_000}}
    first = asked(said("user", [{"type": "text", "text": big}]), session="s1")
    second = asked(said("user", "x" * 1_000_000 + " otter"), session="s2")
    third = asked(said("user", [image, {"type": "text", "text": "nul\0 seal"}]), session="s3")
    await store(database, first, second, third)
    assert await places(reader, "walrus") == [(first.exchange_id, 0, "user")]
    assert await places(reader, "seal nul") == [(third.exchange_id, 0, "user")]
    assert await places(reader, "QUJD") == []
    sizes = await reader.fetch("SELECT cardinality(terms) AS size FROM search_texts")
    assert all(row["size"] < 20 for row in sizes)


async def test_the_index_can_be_made_anew(database: Database, reader: asyncpg.Pool) -> None:
    first = asked(said("user", "walrus"))
    second = asked(said("user", "walrus"), said("assistant", "Yes."), said("user", "otter"), at=10)
    await store(database, first, answered(first, "Yes."), second, answered(second, "seal"))
    before = await reader.fetch("SELECT exchange_id, message FROM search_texts ORDER BY 1, 2")
    seen: list[tuple[int, int]] = []
    assert await rebuild(database, START, emptied=True, advance=lambda done, total: seen.append((done, total))) == 2
    assert await reader.fetch("SELECT exchange_id, message FROM search_texts ORDER BY 1, 2") == before
    assert seen[0] == (0, 2)
    numbers = await reader.fetch("SELECT number FROM search_texts ORDER BY 1")
    assert await rebuild(database, START, emptied=False) == 2
    assert await reader.fetch("SELECT number FROM search_texts ORDER BY 1") == numbers  # nothing was wrong


async def test_pages_stay_in_order_while_more_is_said(database: Database, reader: asyncpg.Pool) -> None:
    talk = [asked(said("user", f"walrus {n}"), session=f"s{n}", at=n) for n in range(12)]
    await Linker(database, lambda: None).process(records(*talk[:10]))
    await index(database)
    page = await search(reader, parse("walrus"), ExchangeFilter(), 4)
    await store(database, *talk[10:])
    seen = [hit.request_id for hit in page.results]
    while page.next_cursor:
        page = await search(reader, parse("walrus"), ExchangeFilter(), 4, Place.parse(page.next_cursor))
        seen += [hit.request_id for hit in page.results]
    assert seen == [one.exchange_id for one in reversed(talk[:10])]


async def test_a_watched_linker_tells_whether_it_has_caught_up() -> None:
    entered, leave = asyncio.Event(), asyncio.Event()

    class Slow:
        async def process(self, batch: Sequence[Record]) -> Sequence[Rejected]:
            entered.set()
            await leave.wait()
            return []

    watched = Watched(Slow())
    working = asyncio.create_task(watched.process([]))
    await entered.wait()
    assert not await watched.rests(0.1)
    leave.set()
    await working
    assert await watched.rests(30)


async def test_who_may_see_some_domains_finds_in_these_alone(database: Database, shared_url: str) -> None:
    own, other = (asked(said("user", "walrus"), domain=domain, session=domain) for domain in ("a.test", "b.test"))
    await store(database, own, other)
    pool = await open_pool(shared_url, name="test", size=1, read_only=True, role="plait_limited")
    found = await search(Scoped(pool, ["a.test"]), parse("walrus"), ExchangeFilter(), 10)
    await pool.close()
    assert [hit.request_id for hit in found.results] == [own.exchange_id]


async def test_a_kind_of_few_exchanges_is_searched_like_one_of_many(
    database: Database, reader: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    await Linker(database, lambda: None).process(records(*everything()))
    await index(database)
    kinds = [row["kind"] for row in await reader.fetch("SELECT DISTINCT kind FROM exchanges WHERE kind <> 'inference'")]
    few = {kind: await places(reader, "the", kind=kind) for kind in kinds}
    monkeypatch.setattr(searching, "_FEW", 0)
    assert {kind: await places(reader, "the", kind=kind) for kind in kinds} == few
    assert few["subagent"]


async def indexed(reader: asyncpg.Pool) -> dict[tuple[UUID, int], frozenset[int]]:
    """The terms of each indexed message, whatever slot it came into."""
    return {
        (row["exchange_id"], row["message"]): frozenset(one ^ mask_of(slot_of(row["number"])) for one in row["terms"])
        for row in await reader.fetch("SELECT * FROM search_texts")
    }


async def test_recorded_traffic_in_any_order_is_indexed_alike(database: Database, reader: asyncpg.Pool) -> None:
    await Linker(database, lambda: None).process(records(*everything()))
    await index(database)
    in_order = await indexed(reader)
    assert len(in_order) > 200
    await empty(database)
    chance = random.Random(7)
    shuffled = chance.sample(everything(), len(everything()))
    for start in range(0, len(shuffled), 9):
        await Linker(database, lambda: None).process(records(*shuffled[start : start + 9]))
        if chance.random() < 0.7:
            await index_some(database, chance.randint(1, 30))
    await index(database)
    assert await indexed(reader) == in_order


@pytest.mark.parametrize(("encoding", "data"), [(1, b"no frame"), (9, b"?"), (0, b"{no json")])
async def test_a_damaged_message_stops_neither_search_nor_indexing(
    database: Database, reader: asyncpg.Pool, encoding: int, data: bytes
) -> None:
    first = asked(said("user", "walrus"), session="s1")
    second = asked(said("user", "walrus too"), session="s2")
    await store(database, first, second)
    async with database.transaction() as connection:
        await connection.execute(
            "UPDATE blobs SET encoding = $1, data = $2 FROM search_texts AS t WHERE hash = blob AND exchange_id = $3",
            encoding, data, first.exchange_id,
        )  # fmt: skip
    assert await places(reader, "walrus") == [(second.exchange_id, 0, "user")]
    assert await rebuild(database, START, emptied=True) == 2
    assert await places(reader, "walrus") == [(second.exchange_id, 0, "user")]


async def test_an_exchange_that_cannot_be_indexed_stops_no_other(
    database: Database, reader: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = asked(said("user", "walrus"), session="s1"), asked(said("user", "otter"), session="s2")

    def fails_for_the_first(sent: Sent, messages: Mapping[bytes, dict[str, Any]]) -> list[News]:
        if sent.id == first.exchange_id:
            raise TypeError
        return news_of(sent, messages)

    monkeypatch.setattr(task, "news_of", fails_for_the_first)
    await Linker(database, lambda: None).process(records(first, second))
    await index(database)
    assert await places(reader, "walrus") == []
    assert await places(reader, "otter") == [(second.exchange_id, 0, "user")]
