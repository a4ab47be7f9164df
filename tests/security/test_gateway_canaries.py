"""Secrets planted wherever one can stand, then sought wherever anything is kept or told: none is found.

What belongs to the record is planted beside them and has to be found, else nothing would have been sought.
"""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path

import asyncpg
import pytest

from plait.common.access.keys import hash_of
from plait.common.events import ChunkEvent, decode
from plait.common.kafka import new_consumer
from plait.common.postgres import open_pool
from plait.common.queries.records import get_exchange, list_chunks
from plait.common.topics import ALL
from plait.fakes import messages
from plait.fakes.answers import stream_answer
from plait.fakes.claude import ScriptedClaude
from plait.fakes.client import Received, call
from plait.fakes.http1 import Header
from tests.contract.consuming import settings_of
from tests.contract.gateway.credential_files import write
from tests.faults.pipeline import Pipeline, pipeline
from tests.ports import free_port
from tests.servers import Broker

DOMAIN = "canaries.example"
KEY = "canary-client-key"
FILE = {
    "type": "api_key",
    "api_key": "canary-at-claude",
    "client_api_keys": [{"name": "laptop", "hash": hash_of(KEY)}],
    "slack": {"webhook_url": "https://hooks.example/canary-webhook"},
}
LOGIN = {"accessToken": "canary-access", "refreshToken": "canary-refresh", "expiresAt": 4_000_000_000_000, "scopes": []}
PLANTED: list[Header] = [
    ("Host", DOMAIN),
    ("Authorization", f"Bearer {KEY}"),
    ("x-api-key", "canary-theirs"),
    ("Cookie", "session=canary-cookie; other=canary-cookie-2"),
    ("Proxy-Authorization", "Basic canary-proxy"),
    ("X-Goog-Api-Key", "canary-google"),
    ("X-My-Token", "canary-token"),
    ("x-client-SECRET", "canary-secret"),
    ("X-Password-2", "canary-password"),
    ("X-Forwarded-Authorization", "canary-forwarded"),
    ("X-AWS-Credential", "canary-credential"),
    ("X-Under-Another-Name", KEY),
    ("X-In-A-Sentence", f"the key is {KEY}, really"),
]
QUERY = "api_key=canary-q1&access_token=canary-q2&client%5Fsecret=canary-q3&PASSWORD=canary%2Dq4&beta=kept-query"
KEPT: list[Header] = [("X-Kept", "kept-header"), ("anthropic-ratelimit-tokens-limit", "kept-figure")]
ANSWERED: tuple[Header, ...] = (("set-cookie", "canary-set-cookie"), ("x-session-token", "canary-answered"))
BODY = json.dumps({"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "kept-body"}]}).encode()


def folder_of_credentials(home: Path) -> Path:
    folder = home / "credentials"
    folder.mkdir()
    write(folder, DOMAIN, FILE)
    write(folder, "login.example", {"type": "oauth", "oauth": LOGIN, "client_api_key": "canary-single"})
    (folder / "broken.example.credentials.json").write_text('{"api_key": "canary-broken"')
    (folder / "broken.example.credentials.json").chmod(0o600)
    return folder


async def plant(plait: Pipeline) -> list[Received]:
    """Calls that are answered, and calls that are refused in every way there is."""
    port, target = plait.gateway.port, f"/t/kept-tag/v1/messages?{QUERY}"
    login: list[Header] = [("Host", "login.example"), ("x-api-key", "canary-single")]
    return [
        await call(port, "POST", target, [*PLANTED, *KEPT], BODY),
        await call(port, "POST", "/v1/messages", login, BODY),
        await call(port, "POST", target, [("Host", DOMAIN), ("x-api-key", "canary-wrong")], BODY),
        await call(port, "POST", target, [("Host", "canary.example"), ("Authorization", "Basic canary-basic")], BODY),
        await call(port, "POST", target, [("Host", "broken.example"), ("x-api-key", "canary-wrong")], BODY),
        await call(port, "POST", target, [("Host", "canary/host"), *PLANTED[1:]], BODY),
        await call(port, "POST", target, [*PLANTED, ("Content-Length", "canary")], None),
        await call(port, "POST", target, [*PLANTED, ("Content-Length", "99999999")], None),
    ]


@pytest.mark.parametrize("byte_lane", ["on", "off"])
async def test_no_secret_is_kept_or_told_anywhere(
    claude: ScriptedClaude, broker: Broker, postgres_url: str, tmp_path: Path, byte_lane: str
) -> None:
    reply = messages.events_of(messages.message(messages.text("kept-answer")))
    claude.rules.append(lambda _: stream_answer(reply, headers=ANSWERED))
    folder, metrics = folder_of_credentials(tmp_path), free_port()
    settings = {"CREDENTIALS_DIR": str(folder), "METRICS_PORT": str(metrics), "BYTE_LANE": byte_lane}
    async with pipeline(claude.url, tmp_path, broker, postgres_url, settings) as plait:
        answers = await plant(plait)
        assert [received.status for received in answers] == [200, 200, 401, 401, 401, 400, 400, 413]
        await until_complete(plait.database, 2)
        told = {
            "spool": b"".join(path.read_bytes() for path in (tmp_path / "spool").rglob("*") if path.is_file()),
            "topics": await on_topics(broker),
            "tables": await in_tables(plait.database),
            "record": await in_record(postgres_url),
            "answers": b"".join(str(received.headers).encode() + received.body for received in answers[2:]),
            "metrics": (await call(metrics, "GET", "/metrics", [("Host", "h")])).body,
            "health": (await plait.gateway.get("/health/ready")).body,
            "workers' log": plait.workers_log.read_bytes(),
        }
    told["gateway's log"] = plait.gateway.log
    for place, found in told.items():
        assert re.findall(rb"canary(?:-|%2D)[ -~]{0,20}", found) == [], place
    for kept in (b"kept-body", b"kept-answer", b"kept-header", b"kept-query", b"kept-figure", b"kept-tag"):
        lacking = [place for place in ("spool", "topics") if kept not in told[place]]
        assert lacking == [], kept
        assert kept in told["tables"] + told["record"], kept


async def until_complete(database: asyncpg.Connection, count: int) -> None:
    async with asyncio.timeout(60):
        while await database.fetchval("SELECT count(*) FROM exchanges WHERE outcome = 'complete'") < count:
            await asyncio.sleep(0.05)


async def on_topics(broker: Broker) -> bytes:
    """Everything on every topic, until both answers are there."""
    consumer = new_consumer(settings_of(broker), None, ALL)
    await consumer.start()
    try:
        found = b""
        async with asyncio.timeout(60):
            while found.count(b"plait.response.v1") < 2:
                for records in (await consumer.getmany(timeout_ms=200)).values():
                    found += b"".join(readable(record.value or b"") for record in records)
        return found
    finally:
        await consumer.stop()


def readable(value: bytes) -> bytes:
    """An event as it is, and the bytes that stand encoded in it."""
    event = decode(value)
    pieces = event.data.pieces if isinstance(event, ChunkEvent) else []
    return value + b"".join(piece.data for piece in pieces)


async def in_tables(database: asyncpg.Connection) -> bytes:
    """Every value of every table, as it is stored."""
    tables = await database.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    rows = [row for table in tables for row in await database.fetch(f'SELECT * FROM "{table["tablename"]}"')]
    assert rows
    return b"\n".join(value if isinstance(value, bytes) else str(value).encode() for row in rows for value in row)


async def in_record(address: str) -> bytes:
    """Every exchange as readers get it: what the tables hold compressed is plain here."""
    pool = await open_pool(address, name="test", read_only=True)
    try:
        ids = [row["id"] for row in await pool.fetch("SELECT id FROM exchanges")]
        return "\n".join([f"{await get_exchange(pool, id_)} {await list_chunks(pool, id_)}" for id_ in ids]).encode()
    finally:
        await pool.close()
