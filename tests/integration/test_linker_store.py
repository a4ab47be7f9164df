"""What the linker stores of exchanges: whole, once, whatever the order, whatever is delivered twice."""

from __future__ import annotations

import itertools
import json
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
import pytest

from plait.api.encoding import encode
from plait.common.bodies import DEEPEST
from plait.common.consumer import Record
from plait.common.errors import DependencyDown
from plait.common.events import AnalysisData, AnalysisEvent, Fault
from plait.common.postgres import Database
from plait.common.queries.records import get_exchange, list_chunks
from plait.linker.domain.facts import FACTS_VERSION, MOST_TURNS
from plait.linker.knowledge import OtherFacts
from plait.linker.processor import Linker
from tests.exchange_events import Part, answered, asked, ended, pieces, records, said
from tests.integration.test_linker_corpus import forget


@pytest.fixture
async def database(postgres_url: str) -> AsyncIterator[Database]:
    database = Database(postgres_url, name="test", size=3)
    yield database
    await database.close()


@pytest.fixture
async def reader(postgres_url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(postgres_url)
    await connection.set_type_codec("jsonb", encoder=json.dumps, decoder=json.loads, schema="pg_catalog")
    yield connection
    await connection.close()


@pytest.fixture
def linker(database: Database) -> Linker:
    return Linker(database, lambda: None)


TABLES = ("blobs", "chains", "exchanges", "exchange_requests", "exchange_responses", "chunks", "facts", "link_offers")


async def contents_of(reader: asyncpg.pool.PoolConnectionProxy) -> dict[str, set[Any]]:
    """Every row of every table that the linker fills from events."""
    return {table: {tuple(row) for row in await reader.fetch(f"SELECT * FROM {table}")} for table in TABLES}


async def row_of(reader: asyncpg.Connection, number: UUID) -> asyncpg.Record:
    row = await reader.fetchrow("SELECT * FROM exchanges WHERE id = $1", number)
    assert row is not None
    return row


async def test_an_exchange_comes_back_exactly(linker: Linker, reader: asyncpg.Connection) -> None:
    cached = [{"type": "text", "text": "hi\0", "cache_control": {"type": "ephemeral"}}]
    request = asked(said("user", cached), system="s", tools=[{"name": "T"}], n=1.0)
    body = {"messages": [said("user", cached)], "model": "claude-x", "system": "s", "tools": [{"name": "T"}], "n": 1.0}
    response = answered(request, "hello")
    await linker.process(records(request, pieces(request, "event: ping\n", "\n"), response))
    found = await get_exchange(reader, request.exchange_id)
    assert found is not None
    assert json.dumps(found.request_body, sort_keys=True) == json.dumps(body, sort_keys=True)
    assert found.response_body == json.loads(bytes(response.body or b""))
    assert found.request_headers == request.headers
    assert found.response_headers == response.headers
    chunks = await list_chunks(reader, request.exchange_id)
    assert chunks is not None
    assert [(c.index, c.offset_ms, c.data) for c in chunks] == [(0, 0.0, "event: ping\n"), (1, 1.0, "\n")]


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (3, 2, 1, 0), (1, 2, 0, 3)])
async def test_a_stream_that_is_shipped_again_in_other_runs_is_kept_piece_for_piece(
    linker: Linker, reader: asyncpg.Pool, order: tuple[int, ...]
) -> None:
    """The first shipping broke off after "ab"; the second one cut the stream elsewhere."""
    request = asked(said("user", "hi"))
    await linker.process(records(request))
    runs = [
        pieces(request, "a", "b"),
        pieces(request, "a", "b", "c", "d"),
        pieces(request, "d", "e", index=3),
        pieces(request, "e", index=4),
    ]
    for number in order:
        await linker.process(records(runs[number]))
    await linker.process(records(*runs))
    chunks = await list_chunks(reader, request.exchange_id)
    assert chunks is not None
    assert [(c.index, c.data) for c in chunks] == list(enumerate("abcde"))


async def test_columns_of_a_whole_exchange(linker: Linker, reader: asyncpg.Connection) -> None:
    request = asked(said("user", "what\n is  this?"), headers=[("User-Agent", "cli/1")])
    response = answered(request, [{"type": "tool_use", "id": "toolu_1", "name": "Read", "input": {}}])
    await linker.process(records(request, response))
    row = await row_of(reader, request.exchange_id)
    assert (row["kind"], row["request_type"], row["method"], row["path"], row["query"]) == (
        "inference", "query_evaluation", "POST", "/v1/messages", "beta=true",
    )  # fmt: skip
    assert (row["model"], row["message_count"], row["tool_call_count"]) == ("claude-x-2026", 1, 1)
    assert (row["preview"], row["client"], row["key_name"]) == ("what is this?", "cli/1", "laptop")
    assert (row["outcome"], row["status"], row["streamed"], row["duration_ms"]) == ("complete", 200, True, 1000.0)
    assert row["session_id"] == request.thread
    assert row["started_at"] == request.started_at
    assert row["ended_at"] == response.ended_at
    assert row["request_size"] == request.body_size
    assert row["response_size"] == response.body_size


async def test_a_tool_result_is_previewed_by_its_tool(linker: Linker, reader: asyncpg.Connection) -> None:
    call = {"type": "tool_use", "id": "toolu_1", "name": "Read", "input": {}}
    result = {"type": "tool_result", "tool_use_id": "toolu_1", "content": "x"}
    request = asked(said("user", "go"), said("assistant", [call]), said("user", [result]))
    await linker.process(records(request))
    assert (await row_of(reader, request.exchange_id))["preview"] == "Read"


async def test_a_running_exchange_is_there(linker: Linker, reader: asyncpg.Connection) -> None:
    request = asked(said("user", "hi"))
    await linker.process(records(request))
    row = await row_of(reader, request.exchange_id)
    assert (row["method"], row["outcome"], row["model"]) == ("POST", None, "claude-x")


async def test_an_answer_alone_becomes_whole_with_its_request(linker: Linker, reader: asyncpg.Connection) -> None:
    request = asked(said("user", "hi"))
    await linker.process(records(answered(request, "hello")))
    row = await row_of(reader, request.exchange_id)
    assert (row["method"], row["outcome"]) == (None, "complete")
    await linker.process(records(request))
    row = await row_of(reader, request.exchange_id)
    assert (row["method"], row["outcome"], row["model"]) == ("POST", "complete", "claude-x-2026")


async def test_an_error_is_kept_with_its_reason(linker: Linker, reader: asyncpg.Connection) -> None:
    request = asked(said("user", "hi"))
    failed = ended(request, outcome="failed", status=529, body=b'{"type":"error"}')
    failed = msgspec.structs.replace(failed, error=Fault("overloaded_error", "Over\0loaded"))
    await linker.process(records(request, failed))
    row = await row_of(reader, request.exchange_id)
    assert (row["error_type"], row["error_message"], row["status"]) == ("overloaded_error", "Overloaded", 529)


async def test_every_order_gives_the_same_rows(postgres_url: str, database: Database, linker: Linker) -> None:
    first = asked(said("user", "a"), at=0)
    second = asked(said("user", "a"), said("assistant", "b"), said("user", "c"), at=5)
    parts: list[Part] = [first, answered(first, "b"), second, answered(second, "d")]
    async with database.transaction() as connection:
        await linker.process(records(*parts))
        wanted = await contents_of(connection)
    for order in itertools.permutations(parts):
        await forget(database)
        for part in order:
            await linker.process(records(part))
        async with database.transaction() as connection:
            assert await contents_of(connection) == wanted


async def test_a_repeat_changes_nothing(linker: Linker, database: Database) -> None:
    request = asked(said("user", "hi"))
    batch = records(request, pieces(request, "x"), answered(request, "hello"))
    await linker.process(batch)
    writers = "SELECT xmin::text FROM exchanges UNION ALL SELECT xmin::text FROM facts"
    async with database.transaction() as connection:
        before, written = await contents_of(connection), await connection.fetch(writers)
    await linker.process(batch)
    await linker.process(batch * 2)
    async with database.transaction() as connection:
        assert await contents_of(connection) == before
        assert await connection.fetch(writers) == written


async def test_an_event_that_is_no_exchanges_is_refused_alone(linker: Linker, reader: asyncpg.Connection) -> None:
    request = asked(said("user", "hi"))
    number = request.exchange_id
    names: dict[str, Any] = {"branch_id": "main", "domain": "x", "status": "pending", "revision": 1}
    data = AnalysisData(analysis_id=number, conversation_id=number, **names)
    event = AnalysisEvent(id="1", source="/x", subject="x", time=request.started_at, partitionkey="x", data=data)
    stray = Record("plait.requests", 0, 7, event)
    rejected = await linker.process([stray, *records(request)])
    assert [(one.record, one.reason) for one in rejected] == [(stray, "AnalysisEvent is no event of an exchange")]
    await row_of(reader, number)


ODD_BODIES = [
    b"not json",
    b"",
    b"\xff\xfe\x00",
    b'{"messages":["\\ud800"]}',
    b'{"messages":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    b'{"messages":[null,1,"x",[],{"role":7,"content":{"a":"\\u0000"}}],"model":5,"system":{"x":1}}',
    b'{"messages":[' + b",".join([b'{"role":"user","content":"m\\u0000"}'] * 10_000) + b"]}",
]


@pytest.mark.parametrize("body", ODD_BODIES, ids=range(len(ODD_BODIES)))
async def test_odd_bodies_are_kept_and_their_neighbours_stored(
    linker: Linker, reader: asyncpg.Connection, body: bytes
) -> None:
    odd = asked(body=body)
    if msgspec_reads(body):
        odd = msgspec.structs.replace(odd, body=msgspec.Raw(body), body_base64=msgspec.UNSET)
    neighbour = asked(said("user", "hi"))
    assert not await linker.process(records(odd, ended(odd, body=b'"\\u0000"'), neighbour, answered(neighbour, "x")))
    found = await get_exchange(reader, odd.exchange_id)
    assert found is not None
    assert found.request_body == expected_value(body)
    assert found.response_body == "\0"
    await row_of(reader, neighbour.exchange_id)


def msgspec_reads(body: bytes) -> bool:
    try:
        msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError):
        return False
    return True


def expected_value(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return body.decode("utf-8", "replace") or None


async def test_long_and_absurd_columns(linker: Linker, reader: asyncpg.Connection) -> None:
    headers = [("user-agent", "\0u")]
    request = asked(said("user", "x" * 5000), session="s" * 10_000, domain="d" * 10_000, headers=headers)
    request = msgspec.structs.replace(request, started_at=request.started_at.replace(year=1))
    assert not await linker.process(records(request, answered(request, "y")))
    row = await row_of(reader, request.exchange_id)
    assert (len(row["session_id"]), len(row["domain"]), len(row["preview"])) == (255, 255, 200)
    assert row["client"] == "u"
    assert row["started_at"] == request.started_at


async def test_only_the_end_of_a_long_history_is_written(linker: Linker, reader: asyncpg.Connection) -> None:
    history = [said("user" if n % 2 == 0 else "assistant", f"{n}") for n in range(401)]
    await linker.process(records(asked(*history[:399], at=0)))
    before = await reader.fetchval("SELECT count(*) FROM chains")
    later = asked(*history, at=9)
    await linker.process(records(later))
    assert before == 399
    assert await reader.fetchval("SELECT count(*) FROM chains") == 401
    found = await get_exchange(reader, later.exchange_id)
    assert found is not None
    assert found.request_body["messages"] == history


async def test_a_branch_far_back_is_whole(linker: Linker, reader: asyncpg.Connection) -> None:
    history = [said("user" if n % 2 == 0 else "assistant", f"{n}") for n in range(301)]
    other = [*history[:100], *(said(m["role"], m["content"] + "'") for m in history[100:])]
    await linker.process(records(asked(*history, at=0)))
    later = asked(*other, at=9)
    await linker.process(records(later))
    found = await get_exchange(reader, later.exchange_id)
    assert found is not None
    assert found.request_body["messages"] == other


async def test_a_database_that_is_away_is_said_so(postgres_url: str) -> None:
    away = Database(postgres_url.rsplit("/", 1)[0] + "/nowhere", name="test", size=1)
    with pytest.raises(DependencyDown):
        await Linker(away, lambda: None).process(records(asked(said("user", "hi"))))


async def test_facts_of_another_version_are_not_read(linker: Linker, reader: asyncpg.Connection) -> None:
    """Decoded they would mean something else: the linker waits until the database is rebuilt."""
    request = asked(said("user", "hi"))
    await linker.process(records(request))
    await reader.execute("UPDATE facts SET version = version - 1")
    with pytest.raises(OtherFacts, match=f"{request.exchange_id} are of version {FACTS_VERSION - 1}"):
        await linker.process(records(answered(request, "hello")))
    assert (await row_of(reader, request.exchange_id))["outcome"] is None


@pytest.mark.parametrize("levels", [150, 300, 975, 985, 5000])
async def test_a_body_of_any_depth_is_recorded_and_given_back(
    linker: Linker, reader: asyncpg.Connection, levels: int
) -> None:
    deep = "[" * levels + "]" * levels
    body = f'{{"messages":[{{"role":"user","content":[{{"type":"tool_result","content":{deep}}}]}}]}}'
    request = msgspec.structs.replace(asked(), body=msgspec.Raw(body.encode()))
    answer = ended(request, body=f'{{"role":"assistant","content":[{deep}]}}'.encode())
    assert not await linker.process(records(request, answer))
    found = await get_exchange(reader, request.exchange_id)
    assert found is not None
    shown = json.loads(encode(found))
    if levels < DEEPEST:
        assert shown["requestBody"] == json.loads(body)
        assert shown["responseBody"] == json.loads(bytes(answer.body or b""))
    else:
        assert (shown["requestBody"], shown["responseBody"].encode()) == (body, bytes(answer.body or b""))


async def test_bodies_with_lone_surrogates_are_kept_whole_and_linked(
    linker: Linker, reader: asyncpg.Connection
) -> None:
    """They are no strict JSON: their events carry them as bytes."""
    body = b'{"model":"m","messages":[{"role":"user","content":"Hi \\ud83d"}]}'
    first = asked(body=body)
    answer = b'{"id":"msg_1","role":"assistant","content":[{"type":"text","text":"Half \\ud83d"}]}'
    told = msgspec.structs.replace(ended(first), body=msgspec.UNSET, body_base64=answer)
    again = body[:-2] + b',{"role":"assistant","content":"Half \\ud83d"},{"role":"user","content":"On"}]}'
    second = asked(body=again, at=5)
    await linker.process(records(first, told, second))
    row = await row_of(reader, second.exchange_id)
    assert (row["kind"], row["message_count"]) == ("inference", 3)
    found = await get_exchange(reader, second.exchange_id)
    assert found is not None
    assert await reader.fetchval("SELECT parent_id FROM links WHERE exchange_id = $1", second.exchange_id) == (
        first.exchange_id
    )
    assert found.request_body == json.loads(again)


async def test_the_rows_of_a_long_history_that_nobody_knows_are_bounded(
    linker: Linker, reader: asyncpg.Connection
) -> None:
    history = [said("assistant" if n % 2 else "user", f"{n}") for n in range(6 * MOST_TURNS)]
    await linker.process(records(asked(*history, said("user", "On"))))
    assert await reader.fetchval("SELECT count(*) FROM link_asks") <= 3 * MOST_TURNS + 10
    assert await reader.fetchval("SELECT count(*) FROM link_offers") <= 10


async def test_a_record_that_has_ended_has_its_tokens_though_the_ledger_is_late(
    linker: Linker, reader: asyncpg.Connection
) -> None:
    """Linker and ledger store side by side; who reads between the two must not find an answer that cost nothing."""
    request = asked(said("user", "hi"))
    usage = {"input_tokens": 3, "output_tokens": 4, "cache_read_input_tokens": 5, "cache_creation_input_tokens": 6}
    body = {"id": "msg_1", "type": "message", "role": "assistant", "content": [], "usage": usage}
    await linker.process(records(request))
    running = await get_exchange(reader, request.exchange_id)
    await linker.process(records(ended(request, body=json.dumps(body).encode())))
    found = await get_exchange(reader, request.exchange_id)
    assert running is not None
    assert found is not None
    assert (running.outcome, running.usage_data) == (None, None)
    assert found.usage_data == usage
    assert (found.input_tokens, found.output_tokens, found.total_tokens) == (3, 4, 18)
    assert (found.cache_read_input_tokens, found.cache_creation_input_tokens) == (5, 6)
