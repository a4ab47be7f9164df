"""Rows a second: linker and ledger, each alone on one core, working off a backlog that is there before they start.

What an exchange costs is told beside it, as time of processors: that hardly depends on who else uses the machine.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import msgspec

from plait.cli.embedded import broker as embedded_broker
from plait.cli.embedded import postgres
from plait.cli.program import free_port
from plait.common.events import Event, RequestData, ResponseData, encode, request_event, response_event
from plait.common.ids import new_exchange_id
from plait.common.kafka import admin_client, ensure_topics, new_producer
from plait.common.migrate import migrate
from plait.common.settings import KafkaSettings
from plait.common.topics import REQUESTS, RESPONSES
from tests.bench.instance import PLAIT
from tests.bench.pinning import MEASURED, cpu_seconds, pinned
from tests.servers import running

_USAGE = msgspec.Raw(b'{"input_tokens":10,"output_tokens":20,"cache_read_input_tokens":30}')
_PATIENCE_S = 180.0


@dataclass(frozen=True)
class Backlog:
    """What kind of exchanges, and how many."""

    name: str
    exchanges: int
    turns: int
    message_bytes: int


BACKLOGS = (
    Backlog("1.5 KB, first turns", 10_000, 1, 1_200),
    Backlog("40 KB, 20 messages", 2_000, 10, 2_000),
)
"""A session has `turns` exchanges, each with all messages before it, so the second's mean body is half its largest."""

TABLES = {"linker": ("links", "link_kind IS NOT NULL"), "ledger": ("usage", "true")}


def exchanges(backlog: Backlog) -> Iterator[tuple[RequestData, ResponseData]]:
    """Sessions of that many turns, one after the other."""
    start = datetime.now(UTC) - timedelta(hours=1)
    filler = "x" * backlog.message_bytes
    for number in range(backlog.exchanges // backlog.turns):
        session = f"session-{number}"
        messages: list[dict[str, Any]] = [{"role": "user", "content": f"{number} {filler}"}]
        for turn in range(backlog.turns):
            at = start + timedelta(seconds=number, milliseconds=50 * turn)
            text = f"answer {number} {turn} {filler}"
            yield _exchange(session, at, messages, text)
            messages += [{"role": "assistant", "content": [{"type": "text", "text": text}]}]
            messages += [{"role": "user", "content": f"more {turn} {filler}"}]


def _exchange(
    session: str, at: datetime, messages: list[dict[str, Any]], text: str
) -> tuple[RequestData, ResponseData]:
    body = msgspec.json.encode({"model": "claude-opus-5-5", "messages": messages})
    common: dict[str, Any] = {
        "exchange_id": new_exchange_id(at.timestamp()), "domain": "bench.test", "thread": session, "started_at": at
    }  # fmt: skip
    request = RequestData(
        **common, method="POST", path="/v1/messages", headers=[("x-claude-code-session-id", session)],
        body=msgspec.Raw(body), body_size=len(body),
    )  # fmt: skip
    answer = {"id": f"msg_{common['exchange_id']}", "role": "assistant", "content": [{"type": "text", "text": text}]}
    response = ResponseData(
        **common, outcome="complete", status=200, headers=[], ended_at=at + timedelta(milliseconds=40), duration_ms=40,
        body=msgspec.Raw(msgspec.json.encode({**answer, "stop_reason": "end_turn"})), usage=_USAGE,
    )  # fmt: skip
    return request, response


@dataclass(frozen=True)
class Pace:
    """How a consumer works a backlog off, start-up aside."""

    a_second: float
    """Exchanges."""
    own_us: float
    """Processor time of the consumer for an exchange, microseconds."""
    database_us: float
    """The same of Postgres."""


async def measure() -> dict[str, dict[str, Pace]]:
    """Backlog name → consumer → how it did."""
    found = {}
    for backlog in BACKLOGS:
        with tempfile.TemporaryDirectory(prefix="plait-bench-") as name:
            folder = Path(name)
            folder.chmod(0o711)
            port, db_port, password = free_port(), free_port(), secrets.token_hex(8)
            settings = KafkaSettings(kafka_bootstrap_servers=embedded_broker.servers(port), kafka_flavor="embedded")
            database = postgres.prepare(folder / "postgres", db_port, password)
            with (
                running(embedded_broker.prepare(port), folder / "broker.log"),
                running(database, folder / "postgres.log") as server,
            ):
                url = postgres.url(db_port, password, "postgres")
                await _fill(settings, url, backlog)
                found[backlog.name] = {
                    part: await _worked_off(part, settings, url, server, backlog.exchanges) for part in TABLES
                }
    return found


async def _fill(settings: KafkaSettings, url: str, backlog: Backlog) -> None:
    connection = await asyncpg.connect(url)
    await migrate(connection)
    await connection.close()
    async with admin_client(settings) as admin:
        await ensure_topics(admin, settings)
    producer = new_producer(settings)
    await producer.start()
    try:
        for request, response in exchanges(backlog):
            pairs: list[tuple[str, Event]] = [
                (REQUESTS.name, request_event(request)), (RESPONSES.name, response_event(response))
            ]  # fmt: skip
            for topic, event in pairs:
                await producer.send(topic, encode(event), event.partitionkey.encode())
    finally:
        await producer.stop()


async def _worked_off(part: str, settings: KafkaSettings, url: str, server: int, exchanges: int) -> Pace:
    """From the first rows seen to the last; `server` is the process of Postgres."""
    env = os.environ | {
        "DATABASE_URL": url, "KAFKA_BOOTSTRAP_SERVERS": settings.kafka_bootstrap_servers, "KAFKA_FLAVOR": "embedded",
        "LOG_LEVEL": "error",
    }  # fmt: skip
    process = subprocess.Popen(pinned(MEASURED, [PLAIT, "run", part]), env=env)
    connection = await asyncpg.connect(url)
    try:
        async with asyncio.timeout(_PATIENCE_S):
            first = await _seen(connection, part, 1, process.pid, server)
            last = await _seen(connection, part, exchanges, process.pid, server)
    finally:
        await connection.close()
        process.terminate()
        process.wait(20)
    done = last.rows - first.rows
    return Pace(
        done / (last.at - first.at),
        (last.own_s - first.own_s) / done * 1e6,
        (last.database_s - first.database_s) / done * 1e6,
    )


@dataclass(frozen=True)
class _Seen:
    """A moment of a run."""

    rows: int
    at: float
    own_s: float
    database_s: float


async def _seen(connection: asyncpg.Connection, part: str, least: int, process: int, server: int) -> _Seen:
    """The moment when at least so many rows are there."""
    table, condition = TABLES[part]
    while True:
        count = int(await connection.fetchval(f"SELECT count(*) FROM {table} WHERE {condition}"))
        if count >= least:
            return _Seen(count, time.monotonic(), cpu_seconds(process), cpu_seconds(server))
        await asyncio.sleep(0.05)


def report(found: dict[str, dict[str, Pace]]) -> list[str]:
    """A Markdown table."""
    lines = [
        "| exchanges a second and core, from a backlog | linker | µs of it + of Postgres | ledger | the same |",
        "|---|---|---|---|---|",
    ]
    for name, paces in found.items():
        cells = [cell for part in TABLES for cell in _cells(paces[part])]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return lines


def _cells(pace: Pace) -> tuple[str, str]:
    return f"{pace.a_second:,.0f}", f"{pace.own_us:.0f} + {pace.database_us:.0f}"
