"""Trees in Postgres equal those that naming everything at once gives, whatever clients do and whatever comes when.

The linker names a leaf from its parent's names alone and adds it to its conversation bit by bit; these tests compare
that with naming and counting the whole.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from plait.common.events import RequestData, ResponseData
from plait.common.postgres import Database
from plait.linker import statements
from plait.linker.domain.names import Names
from plait.linker.domain.offers import AWAITED_TOOLS
from plait.linker.domain.weave import Loom
from plait.linker.processor import AT_ONCE, Linker
from tests.exchange_events import Part, answered, asked, records, said
from tests.integration.test_linker_corpus import feed, forget
from tests.integration.test_linker_streams import chunks_of
from tests.recorded_events import everything
from tests.unit.linker_domain.deeds import traffics
from tests.unit.linker_domain.traffic import Traffic

CONVERSATION = "SELECT * FROM conversations ORDER BY id"


@pytest.fixture
async def database(postgres_url: str) -> AsyncIterator[Database]:
    database = Database(postgres_url, name="test", size=2)
    yield database
    await database.close()


async def names_in(connection: asyncpg.pool.PoolConnectionProxy) -> set[Names]:
    rows = await connection.fetch("SELECT * FROM links JOIN exchanges ON id = exchange_id")
    return {Names(**{name: row[name] for name in Names.__struct_fields__}) for row in rows}


async def counted_anew(connection: asyncpg.pool.PoolConnectionProxy) -> list[dict[str, Any]]:
    """The conversations, each summed up from all its exchanges."""
    titles = [(row["id"], row["title"]) for row in await connection.fetch(CONVERSATION)]
    await connection.execute("DELETE FROM conversations")
    await connection.fetch(statements.PUT_CONVERSATIONS, [i for i, _ in titles], [title for _, title in titles])
    return [dict(row) for row in await connection.fetch(CONVERSATION)]


def with_stream(request: RequestData, response: ResponseData) -> list[Part]:
    """An exchange's parts, with its event stream where that tells of agents before its end."""
    whole = msgspec.json.decode(response.body) if isinstance(response.body, msgspec.Raw) else {}
    starts = any(block.get("name") in AWAITED_TOOLS for block in whole.get("content", ()))
    return [
        request,
        *(chunks_of(request, {"usage": {}, "stop_sequence": None, **whole}, size=150) if starts else ()),
        response,
    ]


def in_some_order(parts: list[Part], chance: random.Random) -> list[Part]:
    """All of them anyhow, or some late: what those change is named without the rest of their tree where that can be."""
    share = chance.choice([0.1, 0.3, 1.0])
    late = {one.exchange_id for one in parts if chance.random() < share}
    halves = chance.random() < 0.3
    behind = [one for one in parts if one.exchange_id in late and (not halves or chance.random() < 0.5)]
    chance.shuffle(behind)
    return [one for one in parts if one not in behind] + behind


@settings(
    max_examples=18, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(traffic=traffics(), seed=st.integers(), size=st.integers(1, 12))
async def test_made_up_clients(database: Database, traffic: Traffic, seed: int, size: int) -> None:
    """With several linkers in turn, with one or two batches in hand, each of which knows only what it had itself."""
    chance = random.Random(seed)
    parts = in_some_order([part for pair in traffic.events for part in with_stream(*pair)], chance)
    linkers = [Linker(database, lambda: None) for _ in range(3)]
    await forget(database)
    batches = [parts[start : start + size] for start in range(0, len(parts), size)]
    while batches:
        count = chance.randint(1, AT_ONCE)
        linker, now, batches = chance.choice(linkers), batches[:count], batches[count:]
        await asyncio.gather(*(feed(linker, batch) for batch in now))
    loom = Loom()
    loom.feed(traffic.facts)
    async with database.transaction() as connection:
        assert await names_in(connection) == set(loom.names().values())
        found = [dict(row) for row in await connection.fetch(CONVERSATION)]
        assert found == await counted_anew(connection)


@pytest.mark.parametrize("size", [1, 5, 60])
async def test_recorded_clients_are_counted_right_bit_by_bit(database: Database, size: int) -> None:
    await feed(Linker(database, lambda: None), everything(), size)
    async with database.transaction() as connection:
        found = [dict(row) for row in await connection.fetch(CONVERSATION)]
        assert found == await counted_anew(connection)


async def test_the_next_turn_reads_no_more_of_a_long_conversation(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A leaf is named beside its parent: the tree is not read, however long it is."""
    linker = Linker(database, lambda: None)
    history = [said("user", "begin")]
    for turn in range(30):
        request = asked(*history, at=turn)
        await linker.process(records(request, answered(request, f"answer {turn}")))
        history += [said("assistant", f"answer {turn}"), said("user", f"more {turn}")]
    monkeypatch.setattr(statements, "TREES", "SELECT 'the whole tree was read'::integer")
    request = asked(*history, at=31)
    await linker.process(records(request))
    await linker.process(records(answered(request, "the last")))
    async with database.transaction() as connection:
        row = await connection.fetchrow("SELECT request_count, message_count, latest_id FROM conversations")
    assert row is not None
    assert (row["request_count"], row["message_count"], row["latest_id"]) == (31, 62, request.exchange_id)


async def test_what_opened_a_branch_keeps_its_name_when_it_fails(database: Database) -> None:
    """A sub-agent and a fork, each event by itself, and the attempts after them."""
    linker = Linker(database, lambda: None)
    call = {"type": "tool_use", "id": "toolu_1", "name": "Agent", "input": {"prompt": "Look."}}
    first = asked(said("user", "begin"))
    history = [said("user", "begin"), said("assistant", [call]), said("user", "on")]
    agent = [asked(said("user", "Look."), at=at, headers=[("x-claude-code-agent-id", "a1")]) for at in (1, 2)]
    fork = [asked(*history, at=at, session="forked") for at in (3, 4)]
    parts: list[Part] = [first, answered(first, [call])]
    for failing, again in (agent, fork):
        parts += [failing, answered(failing, [], outcome="failed", lasted=0.1), again, answered(again, "yes")]
    await feed(linker, parts, size=1)
    async with database.transaction() as connection:
        names = await connection.fetch("SELECT branch_id FROM links JOIN facts USING (exchange_id) ORDER BY started_at")
        found = [dict(row) for row in await connection.fetch(CONVERSATION)]
        assert found == await counted_anew(connection)
    forked = f"branch_{fork[0].started_at:%Y%m%d%H%M%S}"
    assert [row["branch_id"] for row in names] == ["main", "subtask_1", "subtask_1", forked, forked]


def turns(count: int) -> list[list[Part]]:
    """Turns of a session that sends its whole history: the request and the answer of each."""
    history = [said("user", "begin")]
    found: list[list[Part]] = []
    for turn in range(count):
        request = asked(*history, at=turn)
        found.append([request, answered(request, f"answer {turn}")])
        history += [said("assistant", f"answer {turn}"), said("user", f"more {turn}")]
    return found


async def test_a_late_parent_reads_no_more_of_a_long_conversation(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever was linked to an older turn meanwhile, whoever was an orphan, and all below them."""
    linker = Linker(database, lambda: None)
    line, sliding = turns(20), windows(20)
    await feed(linker, [part for turn in (*line[:10], *sliding[:10]) for part in turn])
    monkeypatch.setattr(statements, "TREES", "SELECT 'the whole tree was read'::integer")
    for session in (line, sliding):
        for late, *others in (session[10:13], session[13:16]):
            await feed(linker, [part for turn in (*others, late) for part in turn], size=1)
    async with database.transaction() as connection:
        rows = await connection.fetch(
            "SELECT conversation_id, link_kind, branch_id, session_id FROM links JOIN exchanges ON id = exchange_id"
        )
        found = [dict(row) for row in await connection.fetch(CONVERSATION)]
        assert found == await counted_anew(connection)
    assert {row["branch_id"] for row in rows} == {"main"}
    assert len({row["conversation_id"] for row in rows}) == 2
    assert [row["request_count"] for row in found] == [16, 16]


def windows(count: int) -> list[list[Part]]:
    """Turns of a session that sends its last answer only: without that nothing tells whom a turn follows."""
    found: list[list[Part]] = []
    for turn in range(count):
        history = [said("user", "begin")]
        if turn:
            call = {"type": "tool_use", "id": f"toolu_{turn - 1}", "name": "Bash", "input": {}}
            result = {"type": "tool_result", "tool_use_id": f"toolu_{turn - 1}", "content": f"done {turn}"}
            history += [said("assistant", [call]), said("user", [result])]
        request = asked(*history, at=5000 + turn, session="windows")
        block = {"type": "tool_use", "id": f"toolu_{turn}", "name": "Bash", "input": {}}
        found.append([request, answered(request, [block])])
    return found


async def test_branches_agents_and_retries_read_no_tree_either(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    linker = Linker(database, lambda: None)
    call = {"type": "tool_use", "id": "toolu_1", "name": "Agent", "input": {"prompt": "Look."}}
    history = [said("user", "begin")]
    first = asked(*history)
    await linker.process(records(first, answered(first, [call])))
    history += [said("assistant", [call]), said("user", [{"type": "tool_result", "tool_use_id": "toolu_1"}])]
    second = asked(*history, at=1)
    await linker.process(records(second, answered(second, "seen")))
    monkeypatch.setattr(statements, "TREES", "SELECT 'the whole tree was read'::integer")
    agent = asked(said("user", "Look."), at=2, headers=[("x-claude-code-agent-id", "a1")])
    branches = [asked(*history, said("user", f"or {n}"), at=3 + n / 10) for n in range(3)]
    failing = asked(*history, said("assistant", "seen"), said("user", "on"), at=5)
    again = asked(*history, said("assistant", "seen"), said("user", "on"), at=6)
    for request in (agent, *branches):
        await linker.process(records(request))
        await linker.process(records(answered(request, "yes")))
    await linker.process(records(failing, answered(failing, [], outcome="failed")))
    await linker.process(records(again))
    await linker.process(records(answered(again, "yes")))
    async with database.transaction() as connection:
        rows = await connection.fetch(
            "SELECT link_kind, branch_id FROM links JOIN exchanges ON id = exchange_id ORDER BY started_at"
        )
        found = [dict(row) for row in await connection.fetch(CONVERSATION)]
        assert found == await counted_anew(connection)
    day = first.started_at
    named = f"branch_{day:%Y%m%d%H%M}03"
    assert [tuple(row) for row in rows] == [
        ("root", "main"),
        ("continue", "main"),
        ("spawn", "subtask_1"),
        *(("branch", name) for name in (named, f"{named}_2", f"{named}_3")),
        ("continue", "main"),
        ("retry", "main"),
    ]
