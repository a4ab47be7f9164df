"""A record taken out of one database and put into another is the same record, in any order and twice."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
import pytest
from msgspec.structs import replace

from plait.cli.exchange_file.events import LineMasker, events_of
from plait.cli.exchange_file.files import read_from
from plait.cli.exchange_file.transfer import export
from plait.common.consumer import Record
from plait.common.errors import DependencyDown
from plait.common.events import ChunkData, Event, Fault, RequestData, ResponseData
from plait.common.exchange_file.line import decode
from plait.common.ids import conversation_id, new_exchange_id
from plait.common.postgres import Database
from plait.common.queries import exchanges, whole
from plait.common.queries.exchanges import ExchangeFilter
from plait.common.queries.records import Exchange, get_exchange, list_chunks
from plait.ledger.processor import Ledger
from plait.linker.processor import Linker
from tests.exchange_events import SESSION, START, Part, answered, asked, ended, event_of, pieces, said
from tests.integration.test_linker_corpus import forget
from tests.integration.test_linker_store import ODD_BODIES, msgspec_reads
from tests.plait_up import run_plait
from tests.recorded_events import everything

ALL = ExchangeFilter()
MASKER = LineMasker(b"key")
TABLES = ("exchanges", "links", "conversations", "usage", "chunks", "exchange_responses")


@pytest.fixture
async def database(postgres_url: str) -> AsyncIterator[Database]:
    database = Database(postgres_url, name="test", size=4)
    yield database
    await database.close()


def as_shipped(part: Part) -> Event:
    """The event as the shipper makes it: headers in lower case and masked, and what an answer says beside it too."""
    if not isinstance(part, ChunkData):
        fields = [(name.lower().encode(), value.encode()) for name, value in part.headers]
        masked = [(name.decode(), value.decode()) for name, value in MASKER.fields(fields)]
        part = replace(part, headers=masked)
    if not isinstance(part, ResponseData) or not isinstance(part.body, msgspec.Raw):
        return event_of(part)
    body: dict[str, Any] = msgspec.json.decode(part.body)
    usage = msgspec.Raw(msgspec.json.encode(body["usage"])) if body.get("usage") else msgspec.UNSET
    error = Fault(**body["error"]) if "error" in body else None
    return event_of(replace(part, usage=usage, model=body.get("model"), error=error))


def unseen(*_: object) -> None:
    """Nobody looks at the progress."""


async def store(database: Database, events: list[Event], size: int = 60) -> None:
    records = [Record("plait.any", 0, number, event) for number, event in enumerate(events)]
    for start in range(0, len(records), size):
        batch = records[start : start + size]
        assert not await Linker(database, lambda: None).process(batch)
        await Ledger(database).process([r for r in batch if r.event.id.endswith("/response")])


async def taken_out(reader: asyncpg.Pool, path: Path, where: ExchangeFilter = ALL) -> list[list[Event]]:
    """The events of each line of an export."""
    outcome = await export(reader, where, path, unseen)
    assert (outcome.failed, outcome.faults) == (0, [])
    with read_from(path) as source:
        return [list(events_of(decode(text or b""), MASKER)) for _, text in iter(source.next, None)]


async def all_of(reader: asyncpg.Pool) -> dict[str, Any]:
    """The record as the API tells it, and the rows of tables as they are; but for what is found of the cache later."""
    numbers = [row["id"] for row in await reader.fetch("SELECT id FROM exchanges")]
    told = {number: (await _told(reader, number), await list_chunks(reader, number)) for number in numbers}
    rows = {
        name: sorted(str(dict(row)) for row in await reader.fetch(f"SELECT * FROM {name}"))
        for name in TABLES
        if name != "exchange_responses"
    }
    return {"told": told, **rows}


async def _told(reader: asyncpg.Pool, number: UUID) -> Exchange:
    found = await get_exchange(reader, number)
    assert found is not None
    return replace(found, cache=None)


@pytest.mark.parametrize("seed", [1, 2])
async def test_the_recorded_clients_come_back_in_any_order(
    database: Database, reader: asyncpg.Pool, tmp_path: Path, seed: int
) -> None:
    await store(database, [as_shipped(part) for part in everything()])
    wanted = await all_of(reader)
    lines = await taken_out(reader, tmp_path / "a.jsonl.gz")
    assert len(lines) == len(wanted["told"])
    await forget(database)
    twice = lines + lines[::3]
    random.Random(seed).shuffle(twice)
    await store(database, [event for line in twice for event in line])
    assert await all_of(reader) == wanted


async def test_an_import_into_the_record_it_came_from_changes_nothing(
    database: Database, reader: asyncpg.Pool, tmp_path: Path
) -> None:
    await store(database, [as_shipped(part) for part in everything()[:90]])
    wanted = await all_of(reader)
    for line in await taken_out(reader, tmp_path / "a"):
        await store(database, line)
    assert await all_of(reader) == wanted


async def test_a_running_exchange_is_completed_by_a_later_export(
    database: Database, reader: asyncpg.Pool, tmp_path: Path
) -> None:
    request = asked(said("user", "hello"))
    await store(database, [event_of(request)])
    early = await taken_out(reader, tmp_path / "early")
    await store(database, [event_of(answered(request, "yes"))])
    late = await taken_out(reader, tmp_path / "late")
    wanted = await all_of(reader)
    await forget(database)
    for line in (*early, *late):
        await store(database, line)
    assert await all_of(reader) == wanted


@pytest.mark.parametrize("body", ODD_BODIES[:6], ids=range(6))
async def test_odd_bodies_and_times_come_back(
    database: Database, reader: asyncpg.Pool, tmp_path: Path, body: bytes
) -> None:
    odd = asked(body=body, headers=[("user-agent", "\x7f\xff")])
    if msgspec_reads(body):
        odd = replace(odd, body=msgspec.Raw(body), body_base64=msgspec.UNSET)
    old = replace(odd, exchange_id=new_exchange_id(), started_at=datetime(1, 1, 2, tzinfo=UTC))
    late = replace(asked(said("user", "hi")), started_at=datetime(2200, 1, 1, 0, 0, 0, 1, tzinfo=UTC))
    strange = replace(ended(odd, body=b'"\\u0000"'), usage=msgspec.UNSET, model=None)
    parts: list[Part] = [odd, strange, pieces(odd, "\0", "data: \u2028"), old, late, answered(late, "yes")]
    await store(database, [event_of(part) for part in parts])
    wanted = await all_of(reader)
    lines = await taken_out(reader, tmp_path / "a")
    await forget(database)
    for line in lines:
        await store(database, line)
    assert await all_of(reader) == wanted


async def test_a_large_body_comes_back(database: Database, reader: asyncpg.Pool, tmp_path: Path) -> None:
    request = asked(said("user", [{"type": "image", "source": {"data": "QUJD" * 2 * 1024 * 1024}}]))
    await store(database, [event_of(request)])
    (line,) = await taken_out(reader, tmp_path / "a.gz")
    again = line[0].data
    assert isinstance(again, RequestData)
    assert isinstance(again.body, msgspec.Raw)
    assert msgspec.json.decode(again.body) == msgspec.json.decode(bytes(request.body))  # type: ignore[arg-type]


def two_domains() -> list[Part]:
    first = asked(said("user", "one"), at=0, domain="a.test")
    other = asked(said("user", "two"), at=60, domain="b.test", session="other")
    third = asked(said("user", "three"), at=120, domain="a.test")
    return [part for one in (first, other, third) for part in (one, pieces(one, "x"), answered(one, "yes"))]


@pytest.mark.parametrize(
    ("where", "found"),
    [
        (ExchangeFilter(domain="b.test"), [1]),
        (ExchangeFilter(session_id=SESSION), [0, 2]),
        (ExchangeFilter(since=START + timedelta(seconds=60)), [1, 2]),
        (ExchangeFilter(until=START + timedelta(seconds=60)), [0]),
        (ExchangeFilter(domain="nobody"), []),
    ],
)
async def test_filters(
    database: Database, reader: asyncpg.Pool, tmp_path: Path, where: ExchangeFilter, found: list[int]
) -> None:
    parts = two_domains()
    await store(database, [event_of(part) for part in parts])
    ids = [str(part.exchange_id) for part in parts[::3]]
    lines = await taken_out(reader, tmp_path / "a", where)
    assert [line[0].subject for line in lines] == [ids[n] for n in found]


async def test_a_conversation_alone(database: Database, reader: asyncpg.Pool, tmp_path: Path) -> None:
    parts = two_domains()
    await store(database, [event_of(part) for part in parts])
    where = ExchangeFilter(conversation_id=conversation_id(parts[3].exchange_id))
    (line,) = await taken_out(reader, tmp_path / "a", where)
    assert UUID(line[0].subject) == parts[3].exchange_id


async def test_long_histories_and_runs_are_read_in_parts(
    database: Database, reader: asyncpg.Pool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(whole, "_RUN", 10)
    monkeypatch.setattr(exchanges, "_WALKED", 7)
    history: list[Any] = []
    for turn in range(25):
        history.append(said("user", f"turn {turn} " + "x" * 100))
        request = asked(*history, at=turn)
        await store(database, [event_of(request), event_of(answered(request, f"answer {turn}"))])
        history.append(said("assistant", [{"type": "text", "text": f"answer {turn}"}]))
    lines = await taken_out(reader, tmp_path / "a")
    assert len(lines) == 25
    assert json.loads((tmp_path / "a").read_text().splitlines()[-1])["request"]["body"]["messages"] == history[:-1]


async def test_a_damaged_exchange_is_named_and_keeps_no_other_back(
    database: Database, reader: asyncpg.Pool, writer: asyncpg.Connection, tmp_path: Path
) -> None:
    parts = two_domains()
    await store(database, [event_of(part) for part in parts])
    await writer.execute("DELETE FROM blobs WHERE position('two'::bytea IN data) > 0")
    outcome = await export(reader, ALL, tmp_path / "a", unseen)
    assert (outcome.done, outcome.failed) == (2, 1)
    assert str(parts[3].exchange_id) in outcome.faults[0]
    assert "blob" in outcome.faults[0]


async def test_a_database_that_goes_away_leaves_no_half_file(
    database: Database, reader: asyncpg.Pool, writer: asyncpg.Connection, tmp_path: Path
) -> None:
    await store(database, [event_of(part) for part in two_domains()])
    await writer.execute("DROP TABLE blobs CASCADE")
    with pytest.raises(DependencyDown):
        await export(reader, ALL, tmp_path / "a", unseen)
    assert list(tmp_path.iterdir()) == []


async def test_the_command_writes_to_a_pipe(database: Database, postgres_url: str, tmp_path: Path) -> None:
    parts = two_domains()
    await store(database, [event_of(part) for part in parts])
    arguments = ("export", "--domain", "a.test", "--since", "2026-11-21T12:01:00", "-")
    done = await asyncio.to_thread(run_plait, *arguments, env={"DATABASE_URL": postgres_url}, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "1 exchange exported.\n")
    assert json.loads(done.stdout)["id"] == str(parts[6].exchange_id)


async def test_where_nothing_matches_the_command_names_the_domains(
    database: Database, postgres_url: str, tmp_path: Path
) -> None:
    await store(database, [event_of(part) for part in two_domains()])
    done = await asyncio.to_thread(
        run_plait, "export", "--domain", "a.tset", "-", env={"DATABASE_URL": postgres_url}, cwd=tmp_path
    )
    told = "0 exchanges exported.\nNothing matched. There are exchanges of a.test, b.test.\n"
    assert (done.returncode, done.stdout, done.stderr) == (0, "", told)
