"""Sub-agents that begin while the answer that starts them is still coming in."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest

from plait.common.events import ChunkData, Piece, RequestData
from plait.common.postgres import Database, open_pool
from plait.common.queries.exchanges import ExchangeFilter
from plait.fakes.messages import events_of, message, text, tool_use
from plait.linker import statements, streams
from plait.linker.explaining import explain
from plait.linker.processor import Linker
from plait.linker.rebuilding import rebuild
from tests.exchange_events import Part, answered, asked, ended, pieces, records, said
from tests.integration.test_linker_corpus import feed, forget, tree_in

LOOK, LISTEN = (tool_use("Agent", {"prompt": f"{word} around, " * 20}, seed=word) for word in ("Look", "Listen"))
ANSWER = message(text("I will see. " * 30), LOOK, text("And so on. " * 30), LISTEN)


@pytest.fixture
async def database(postgres_url: str) -> AsyncIterator[Database]:
    database = Database(postgres_url, name="test", size=2)
    yield database
    await database.close()


@pytest.fixture
def linker(database: Database) -> Linker:
    return Linker(database, lambda: None)


def chunks_of(request: RequestData, answer: Any, size: int = 300) -> list[ChunkData]:
    """Its event stream in runs of three pieces, cut without regard to events."""
    stream = b"".join(events_of(answer))
    cut = [Piece(float(at), stream[at : at + size]) for at in range(0, len(stream), size)]
    empty = pieces(request)
    return [
        ChunkData(
            exchange_id=empty.exchange_id,
            domain=empty.domain,
            thread=empty.thread,
            started_at=empty.started_at,
            index=first,
            pieces=cut[first : first + 3],
        )
        for first in range(0, len(cut), 3)
    ]


def agent(call: dict[str, Any], number: int) -> RequestData:
    headers = [("x-claude-code-agent-id", f"a{number}")]
    return asked(said("user", call["input"]["prompt"]), at=number, headers=headers)


def told_by(chunks: Sequence[ChunkData], call: dict[str, Any]) -> int:
    """After how many chunks a call has come whole."""
    so_far = b""
    for count, chunk in enumerate(chunks, 1):
        so_far += b"".join(piece.data for piece in chunk.pieces)
        begun = so_far.find(call["id"].encode())
        if begun >= 0 and b'content_block_stop","index"' in so_far[begun:]:
            return count
    raise AssertionError("it never comes")


async def links(database: Database) -> list[tuple[Any, ...]]:
    async with database.transaction() as connection:
        found = await connection.fetch(
            "SELECT link_kind, branch_id, parent_id, conversation_id FROM links JOIN facts USING (exchange_id)"
            " ORDER BY started_at"
        )
    return [tuple(row) for row in found]


def scene() -> tuple[RequestData, list[ChunkData], list[RequestData]]:
    request = asked(said("user", "begin"))
    return request, chunks_of(request, ANSWER), [agent(LOOK, 1), agent(LISTEN, 2)]


async def test_an_agent_is_linked_with_the_end_of_its_call(linker: Linker, database: Database) -> None:
    request, chunks, (look, listen) = scene()
    await linker.process(records(request))
    await linker.process(records(look))
    await linker.process(records(listen))
    linked = []
    for chunk in chunks:
        await linker.process(records(chunk))
        linked.append([kind for kind, *_ in await links(database)])
    first, second = told_by(chunks, LOOK), told_by(chunks, LISTEN)
    assert 1 < first < second
    assert linked[first - 2 : first] == [["root", "root", "root"], ["root", "spawn", "root"]]
    assert linked[second - 2 : second] == [["root", "spawn", "root"], ["root", "spawn", "spawn"]]
    before = await links(database)
    await linker.process(records(answered(request, ANSWER["content"])))
    assert await links(database) == before
    assert [branch for _, branch, *_ in before] == ["main", "subtask_1", "subtask_2"]


@pytest.mark.parametrize("seed", range(6))
async def test_any_order_and_any_restart(database: Database, seed: int) -> None:
    """Chunks before their request, cut twice in two ways, at two linkers in turn, which forget everything at times."""
    request, chunks, agents = scene()
    chance = random.Random(seed)
    parts: list[Part] = [request, *agents, *chunks, *chunks_of(request, ANSWER, size=700)[: seed % 3]]
    if seed % 2:
        chance.shuffle(parts)
    linkers = [Linker(database, lambda: None) for _ in range(2)]
    for part in parts:
        if chance.random() < 0.2:
            linkers = [Linker(database, lambda: None) for _ in range(2)]
        await chance.choice(linkers).process(records(part))
    assert [kind for kind, *_ in await links(database)] == ["root", "spawn", "spawn"]
    await feed(linkers[0], [answered(request, ANSWER["content"]), chunks[-1], chunks[0]])
    found = await tree_in(database)
    await forget(database)
    await feed(linkers[1], [request, answered(request, ANSWER["content"]), *agents])
    assert await tree_in(database) == found


async def test_what_was_told_and_does_not_come_true_is_taken_back(linker: Linker, database: Database) -> None:
    request, chunks, agents = scene()
    await feed(linker, [request, *agents, *chunks])
    await linker.process(records(answered(request, "no agent at all")))
    assert [kind for kind, *_ in await links(database)] == ["root", "root", "root"]


async def test_a_rebuild_and_an_explanation_know_what_runs(linker: Linker, postgres_url: str) -> None:
    request, chunks, (look, _) = scene()
    await feed(linker, [request, look, *chunks])
    pool = await open_pool(postgres_url, name="rebuild", size=1)
    async with pool.acquire() as connection:
        assert (await rebuild(connection, ExchangeFilter())).differences == []
        assert (await explain(connection, look.exchange_id)).link.parent_id == request.exchange_id
    pool.terminate()


async def test_a_batch_that_was_not_committed_is_told_again(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    request, chunks, (look, listen) = scene()
    linker = Linker(database, lambda: None)
    await feed(linker, [request, look, listen])
    with monkeypatch.context() as broken:
        broken.setattr(statements, "ASKS_OF", "SELECT 'the database is broken'::integer")
        with pytest.raises(Exception, match="the database is broken"):
            await linker.process(records(*chunks))
    await linker.process(records(*chunks))
    assert [kind for kind, *_ in await links(database)] == ["root", "spawn", "spawn"]


async def test_chunks_in_order_are_never_read_back(linker: Linker, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor those that come after the end of their answer."""
    request, chunks, _ = scene()
    monkeypatch.setattr(statements, "STORED_CHUNKS", "SELECT 'a chunk was read back'::integer")
    await linker.process(records(request))
    for chunk in [*chunks[:-1], *chunks[:2]]:
        await linker.process(records(chunk))
    await linker.process(records(ended(request)))
    await linker.process(records(chunks[-1]))


async def test_a_stream_that_misses_a_piece_is_not_read_again_and_again(
    linker: Linker, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    request, chunks, agents = scene()
    await feed(linker, [request, *agents, *chunks[1:3]], size=1)
    with monkeypatch.context() as counted:
        counted.setattr(statements, "STORED_CHUNKS", "SELECT 'a chunk was read back'::integer")
        for chunk in chunks[3:]:
            await linker.process(records(chunk))
    await linker.process(records(chunks[0]))
    assert [kind for kind, *_ in await links(database)] == ["root", "spawn", "spawn"]


async def test_a_call_without_end_is_not_kept(
    linker: Linker, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "MOST_HELD", 200)
    request, chunks, agents = scene()
    await feed(linker, [request, *agents, *chunks], size=1)
    assert [kind for kind, *_ in await links(database)] == ["root", "root", "root"]
    await linker.process(records(answered(request, ANSWER["content"])))
    assert [kind for kind, *_ in await links(database)] == ["root", "spawn", "spawn"]
