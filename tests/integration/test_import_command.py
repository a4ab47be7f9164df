"""`plait import` and `plait replay` beside running consumers: killed and done again, bad lines, lost tables."""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import pytest

from plait.cli.exchange_file.transfer import export
from plait.common.kafka import is_embedded
from plait.common.postgres import Database
from plait.common.queries.exchanges import ExchangeFilter
from plait.ledger import main as ledger
from plait.linker import main as linker
from tests.contract.consuming import make_topics, settings_of
from tests.integration.test_export_import import all_of, as_shipped, store, unseen
from tests.integration.test_linker_corpus import forget
from tests.plait_up import PLAIT, run_plait
from tests.recorded_events import everything
from tests.servers import Broker

_SOME = 20
"""Exchanges that must be stored before the import is killed."""


@pytest.fixture
async def environment(
    broker: Broker, postgres_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> dict[str, str]:
    """Of the commands and of the consumers; the broker has its topics."""
    settings = settings_of(broker)
    named = {
        "DATABASE_URL": postgres_url,
        "KAFKA_BOOTSTRAP_SERVERS": broker.servers,
        "KAFKA_FLAVOR": broker.flavor,
        "KAFKA_ASSIGNMENT": "all" if is_embedded(settings) else "group",
        "PLAIT_HOME": str(tmp_path / "home"),
    }
    for name, value in named.items():
        monkeypatch.setenv(name, value)
    await make_topics(settings)
    return named


@asynccontextmanager
async def consumers() -> AsyncIterator[None]:
    """A linker and a ledger."""
    stop = asyncio.Event()
    tasks = [asyncio.create_task(part.run(stop)) for part in (linker, ledger)]
    try:
        yield
    finally:
        stop.set()
        await asyncio.gather(*tasks)


async def stored(reader: asyncpg.Pool) -> int:
    whole = "SELECT count(*) FROM exchanges WHERE method IS NOT NULL AND outcome IS NOT NULL"
    found: int = await reader.fetchval(whole)
    return found


async def test_an_import_killed_and_done_again(
    environment: dict[str, str], reader: asyncpg.Pool, postgres_url: str, tmp_path: Path
) -> None:
    database = Database(postgres_url, name="test", size=2)
    await store(database, [as_shipped(part) for part in everything()])
    wanted = await all_of(reader)
    file = tmp_path / "all.jsonl"
    await export(reader, ExchangeFilter(), file, unseen)
    await forget(database)
    await database.close()
    async with consumers():
        await _killed_in_the_middle(reader, file)
        done = await asyncio.to_thread(run_plait, "import", str(file), env=environment, cwd=tmp_path)
        assert (done.returncode, done.stderr) == (0, f"{len(wanted['told'])} exchanges imported.\n")
        async with asyncio.timeout(60):
            while await all_of(reader) != wanted:
                await asyncio.sleep(0.1)


async def _killed_in_the_middle(reader: asyncpg.Pool, file: Path) -> None:
    """An import that gets half of the lines, and the first half of one more, through its pipe."""
    lines = file.read_bytes().splitlines(keepends=True)
    half = b"".join(lines[: len(lines) // 2]) + lines[len(lines) // 2][:100]
    process = subprocess.Popen([PLAIT, "import", "-"], stdin=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert process.stdin
    await asyncio.to_thread(process.stdin.write, half)
    process.stdin.flush()
    async with asyncio.timeout(60):
        while await stored(reader) < _SOME:
            await asyncio.sleep(0.02)
    process.kill()
    process.stdin.close()
    process.wait()


async def test_bad_lines_are_named_and_lose_nothing_else(
    environment: dict[str, str], reader: asyncpg.Pool, tmp_path: Path
) -> None:
    times = [f"2026-11-21T12:00:0{n}Z" for n in range(3)]
    good = [json.dumps({"startedAt": at, "request": {"body": {}}, "response": {}}) for at in times]
    file = tmp_path / "some.jsonl"
    file.write_text("\n".join([good[0], "{", good[1], '{"startedAt":"x"}', "", good[2], good[2]]))
    async with consumers():
        done = await asyncio.to_thread(run_plait, "import", str(file), env=environment, cwd=tmp_path)
        async with asyncio.timeout(60):
            while await stored(reader) < 3:
                await asyncio.sleep(0.05)
    first, second, summary = done.stderr.splitlines()
    assert done.returncode == 1
    assert first.startswith(f"{file}, line 2: not JSON: ")
    assert second == f"{file}, line 4: startedAt: invalid RFC3339 encoded datetime"
    assert summary == "4 exchanges imported, 2 not."


async def test_a_replay_gives_a_consumer_back_what_it_lost(
    environment: dict[str, str], reader: asyncpg.Pool, writer: asyncpg.Connection, postgres_url: str, tmp_path: Path
) -> None:
    database = Database(postgres_url, name="test", size=2)
    await store(database, [as_shipped(part) for part in everything()[:60]])
    await database.close()
    wanted = await all_of(reader)
    await writer.execute("TRUNCATE usage")
    async with consumers():
        done = await asyncio.to_thread(run_plait, "replay", env=environment, cwd=tmp_path)
        assert (done.returncode, done.stderr) == (0, "20 exchanges replayed.\n")
        async with asyncio.timeout(60):
            while await all_of(reader) != wanted:
                await asyncio.sleep(0.1)
