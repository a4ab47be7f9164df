"""How the record grows: bytes on disk of one long conversation against what was said in it, and what takes them."""

from __future__ import annotations

import argparse
import asyncio
import asyncio.events
import inspect
import logging
import random
import secrets
import tempfile
import typing
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, Final

import asyncpg
import msgspec

from plait.cli.embedded import postgres
from plait.cli.program import free_port
from plait.common.consumer import Record
from plait.common.events import ChunkData as Chunk
from plait.common.events import Piece, RequestData, ResponseData, chunk_event, request_event, response_event
from plait.common.ids import new_exchange_id
from plait.common.migrate import migrate
from plait.common.postgres import Database
from plait.linker.processor import Linker
from tests.servers import running

TURNS: Final = 200
_PACE_S: Final = 10
"""Seconds from turn to turn."""
_HEADERS: Final = [
    ("host", "claude.example.test"),
    ("user-agent", "claude-cli/2.1.329 (external, cli)"),
    ("x-app", "cli"),
    ("accept", "application/json"),
    ("content-type", "application/json"),
    ("anthropic-version", "2023-06-01"),
    ("anthropic-beta", "claude-code-20250219,interleaved-thinking-2025-05-14,context-management-2025-06-27"),
    ("authorization", "Bearer masked:4f8a12cd90ab34ef"),
    ("x-stainless-retry-count", "0"),
    ("x-stainless-lang", "js"),
    ("x-stainless-runtime", "node"),
    ("accept-encoding", "gzip, deflate, br, zstd"),
]
_SIZES = """
SELECT c.relname AS name, pg_table_size(c.oid) AS rows, pg_indexes_size(c.oid) AS indexes
FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname = 'public' AND c.relkind = 'r'
"""

_DONE: Final = (
    "SELECT settle_usage_slots()",
    "INSERT INTO conversation_sums SELECT * FROM conversations_summed ON CONFLICT DO NOTHING",
    "DELETE FROM conversation_queue",
    "DELETE FROM cache_queue",
    "DELETE FROM search_queue",
    "DELETE FROM outbox",
    "VACUUM",
)
"""What the ledger, the cache doctor, the index of texts and the publisher do beside a linker: what waits for them is
gone as soon as they have done it, what they keep stays."""


@dataclass(frozen=True)
class Growth:
    """Bytes of one conversation."""

    unique: int
    """Of all its messages, each once, as JSON."""
    tables: dict[str, int]
    """Of each table with its indexes, beyond what it takes when empty."""

    @property
    def ratio(self) -> float:
        """All tables but the raw event streams, against the unique bytes."""
        return sum(size for name, size in self.tables.items() if not name.startswith("chunks")) / self.unique


def words(chance: random.Random, size: int) -> str:
    """Source code and its comments, as tools read it: the standard library's."""
    text = _sources()
    at = chance.randrange(len(text) - size)
    return text[at : at + size]


@cache
def _sources() -> str:
    return "".join(inspect.getsource(module) for module in (argparse, asyncio.events, logging, typing))


def conversation(
    turns: int, result_bytes: int, seed: int = 1
) -> Iterator[tuple[RequestData, list[Piece], ResponseData]]:
    """Turns of a coding session: an answer calls a tool, the next request brings its result and all before it.

    A session begins when the one of the seed before ends: ids come in the order of time.
    """
    chance = random.Random(seed)
    session = str(uuid.UUID(bytes=chance.randbytes(16), version=4))
    start = datetime.now(UTC) - timedelta(hours=12) + timedelta(seconds=_PACE_S * turns * seed)
    system = [{"type": "text", "text": words(chance, 12_000), "cache_control": {"type": "ephemeral"}}]
    tools = [{"name": f"Tool{n}", "description": words(chance, 800), "input_schema": {}} for n in range(12)]
    messages: list[dict[str, Any]] = [{"role": "user", "content": words(chance, 400)}]
    for turn in range(turns):
        at = start + timedelta(seconds=_PACE_S * turn)
        call = f"toolu_{chance.randbytes(12).hex()}"
        content: list[dict[str, Any]] = [
            {"type": "text", "text": words(chance, 200)},
            {"type": "tool_use", "id": call, "name": "Bash", "input": {"command": words(chance, 80)}},
        ]
        yield _exchange(chance, at, session, {"system": system, "tools": tools, "messages": _marked(messages)}, content)
        result = {"type": "tool_result", "tool_use_id": call, "content": words(chance, result_bytes)}
        messages += [{"role": "assistant", "content": content}, {"role": "user", "content": [result]}]


def _marked(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """With `cache_control` on the last block of the last message, as clients send it."""
    last = messages[-1]
    blocks = last["content"] if isinstance(last["content"], list) else [{"type": "text", "text": last["content"]}]
    marked = [*blocks[:-1], {**blocks[-1], "cache_control": {"type": "ephemeral"}}]
    return [*messages[:-1], {"role": last["role"], "content": marked}]


def _exchange(
    chance: random.Random, at: datetime, session: str, asks: dict[str, Any], content: list[dict[str, Any]]
) -> tuple[RequestData, list[Piece], ResponseData]:
    user = msgspec.json.encode({"device_id": "d" * 64, "account_uuid": "", "session_id": session}).decode()
    more = {"model": "claude-opus-5-5", "max_tokens": 32000, "stream": True, "metadata": {"user_id": user}}
    body = msgspec.json.encode({**more, **asks})
    common: dict[str, Any] = {
        "exchange_id": new_exchange_id(at.timestamp()), "domain": "claude.example.test", "thread": session,
        "started_at": at,
    }  # fmt: skip
    request = RequestData(
        **common, method="POST", path="/v1/messages", query="beta=true",
        headers=[*_HEADERS, ("x-claude-code-session-id", session)], body=msgspec.Raw(body),
        body_size=len(body), client_address="127.0.0.1",
    )  # fmt: skip
    usage = {"input_tokens": 4, "output_tokens": 120, "cache_read_input_tokens": 9000, "service_tier": "standard"}
    answer = {
        "id": f"msg_{chance.randbytes(12).hex()}", "type": "message", "role": "assistant", "model": "claude-opus-5-5",
        "content": content, "stop_reason": "tool_use", "stop_sequence": None, "usage": usage,
    }  # fmt: skip
    response = ResponseData(
        **common, outcome="complete", status=200, headers=_answer_headers(chance, at), duration_ms=4000.0,
        ended_at=at + timedelta(seconds=4), body=msgspec.Raw(msgspec.json.encode(answer)), body_size=2000,
        usage=msgspec.Raw(msgspec.json.encode(usage)), model="claude-opus-5-5", streamed=True, first_byte_ms=700.0,
        first_token_ms=800.0,
    )  # fmt: skip
    text = content[0]["text"]
    pieces = [
        Piece(800.0 + 30 * n, b'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":'
              b'{"type":"text_delta","text":' + msgspec.json.encode(text[at : at + 12]) + b"}}\n\n")
        for n, at in enumerate(range(0, len(text), 12))
    ]  # fmt: skip
    return request, pieces, response


def _answer_headers(chance: random.Random, at: datetime) -> list[tuple[str, str]]:
    return [
        ("date", f"{at:%a, %d %b %Y %H:%M:%S} GMT"),
        ("content-type", "text/event-stream; charset=utf-8"),
        ("cache-control", "no-cache"),
        ("anthropic-ratelimit-unified-status", "allowed"),
        ("anthropic-ratelimit-unified-5h-utilization", f"{chance.random():.2f}"),
        ("anthropic-organization-id", "8e7a4f0e-2f4d-4a0f-9d54-d2a2f8c3b111"),
        ("request-id", f"req_{chance.randbytes(12).hex()}"),
        ("server", "cloudflare"),
        ("cf-ray", f"{chance.randbytes(8).hex()}-FRA"),
    ]


def records(exchange: tuple[RequestData, list[Piece], ResponseData]) -> list[list[Record]]:
    """An exchange as it is consumed while it runs: its request, what streams, its end, each by itself."""
    request, pieces, response = exchange
    chunk = Chunk(
        exchange_id=request.exchange_id, domain=request.domain, thread=request.thread, started_at=request.started_at,
        index=0, pieces=pieces,
    )  # fmt: skip
    events = (request_event(request), chunk_event(chunk, request.started_at), response_event(response))
    return [[Record("", 0, 0, event)] for event in events]


@asynccontextmanager
async def linker() -> AsyncIterator[tuple[Linker, asyncpg.Connection]]:
    """A linker on a database of its own, and a connection to look at it."""
    with tempfile.TemporaryDirectory(prefix="plait-bench-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        port, password = free_port(), secrets.token_hex(8)
        program = postgres.prepare(folder / "postgres", port, password)
        with running(program, folder / "postgres.log"):
            url = postgres.url(port, password, "postgres")
            connection = await asyncpg.connect(url)
            await migrate(connection)
            database = Database(url, name="bench", size=2)
            try:
                yield Linker(database, lambda: None), connection
            finally:
                await database.close()
                await connection.close()


async def measure(turns: int = TURNS, result_bytes: int = 1_500, conversations: int = 5) -> Growth:
    """Conversations through the linker, event by event; the first is not counted: tables begin with some pages."""
    unique: dict[bytes, int] = {}
    async with linker() as (consumer, connection):
        for number in range(conversations + 1):
            for exchange in conversation(turns, result_bytes, number):
                for batch in records(exchange):
                    await consumer.process(batch)
                if number:
                    _count(unique, exchange)
            for done in _DONE:
                await connection.execute(done)
            if not number:
                before = await _sizes(connection)
        after = await _sizes(connection)
    return Growth(sum(unique.values()), {name: size - before[name] for name, size in after.items()})


def _count(unique: dict[bytes, int], exchange: tuple[RequestData, list[Piece], ResponseData]) -> None:
    """What a conversation says, each thing once: messages, system prompt, tools."""
    body = msgspec.json.decode(bytes(exchange[0].body))  # type: ignore[arg-type]
    for part in (body["messages"][-1], body["system"], body["tools"], msgspec.json.decode(bytes(exchange[2].body))):  # type: ignore[arg-type]
        said = msgspec.json.encode(part["content"] if isinstance(part, dict) else part)
        unique[said] = len(said)


async def _sizes(connection: asyncpg.Connection) -> dict[str, int]:
    return {row["name"]: row["rows"] + row["indexes"] for row in await connection.fetch(_SIZES)}


def report(found: Growth) -> list[str]:
    """A Markdown table, the largest first."""
    lines = ["| table with its indexes | KB | of the unique bytes |", "|---|---|---|"]
    for name, size in sorted(found.tables.items(), key=lambda item: -item[1]):
        if size:
            lines.append(f"| {name} | {size / 1024:,.0f} | {size / found.unique:.2f} |")
    return [*lines, f"| all but the raw streams | | **{found.ratio:.2f}** |"]


if __name__ == "__main__":
    import sys

    grown = asyncio.run(measure(result_bytes=int(sys.argv[1]) if len(sys.argv) > 1 else 1500))
    print(grown.unique)
    print("\n".join(report(grown)))
