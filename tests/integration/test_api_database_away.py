"""The read API while its database is away, empty, or slow."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import asyncpg
import httpx2
import pytest

from plait.api.app import create_app
from plait.api.database import Database
from tests import scene

KEY = {"X-Dashboard-Key": "key"}


@asynccontextmanager
async def client_of(database: Database) -> AsyncIterator[httpx2.AsyncClient]:
    transport = httpx2.ASGITransport(app=create_app(database, "key"))
    async with httpx2.AsyncClient(transport=transport, base_url="http://api.test", headers=KEY) as client:
        yield client
    await database.close()


class Wire:
    """A relay of bytes to Postgres on an address of its own, which can be cut and mended."""

    def __init__(self, url: str) -> None:
        self._target = urlsplit(url)
        self._streams: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None
        self.port = 0

    @property
    def url(self) -> str:
        place = f"{self._target.username}:{self._target.password}@127.0.0.1:{self.port}"
        return self._target._replace(netloc=place).geturl()

    async def mend(self) -> None:
        self._server = await asyncio.start_server(self._join, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def cut(self) -> None:
        assert self._server is not None
        self._server.close()
        for stream in self._streams:
            stream.transport.abort()
        await self._server.wait_closed()

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        back, forth = await asyncio.open_connection(self._target.hostname, self._target.port)
        self._streams |= {writer, forth}
        await asyncio.gather(_copy(reader, forth), _copy(back, writer))


async def _copy(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    try:
        while data := await source.read(65536):
            sink.write(data)
        sink.close()
    except OSError:
        sink.transport.abort()


async def test_says_so_and_recovers_by_itself(postgres_url: str) -> None:
    connection = await asyncpg.connect(postgres_url)
    s = await scene.play(connection)
    await connection.close()
    wire = Wire(postgres_url)
    await wire.mend()
    async with client_of(Database(wire.url)) as client:
        for _ in range(2):
            assert (await client.get(f"/api/requests/{s.root}")).status_code == 200
            assert (await client.get("/health/ready")).status_code == 200
            await wire.cut()
            away = await client.get(f"/api/requests/{s.root}")
            assert (away.status_code, away.json()["error"]["type"]) == (503, "unavailable_error")
            assert away.headers["retry-after"] == "1"
            assert (await client.get("/health/ready")).status_code == 503
            assert (await client.get("/health/live")).status_code == 200
            await wire.mend()
        assert (await client.get(f"/api/requests/{s.root}")).status_code == 200
    await wire.cut()


async def test_starts_before_its_database(postgres_url: str) -> None:
    wire = Wire(postgres_url)
    await wire.mend()
    await wire.cut()
    async with client_of(Database(wire.url)) as client:
        assert (await client.get("/api/requests")).status_code == 503
        await wire.mend()
        assert (await client.get("/api/requests")).status_code == 200
    await wire.cut()


async def test_a_database_without_tables(empty_postgres_url: str) -> None:
    async with client_of(Database(empty_postgres_url)) as client:
        for path in ("/api/requests", "/api/conversations", "/api/stats"):
            answer = await client.get(path)
            assert (answer.status_code, answer.json()["error"]["type"]) == (503, "unavailable_error")
            assert "plait migrate" in answer.json()["error"]["message"]
        ready = await client.get("/health/ready")
        assert ready.status_code == 503
        assert "plait migrate" in ready.json()["checks"]["database"]["message"]


async def test_migrations_that_are_missing(postgres_url: str) -> None:
    connection = await asyncpg.connect(postgres_url)
    await connection.execute("DELETE FROM migrations WHERE number = (SELECT max(number) FROM migrations)")
    await connection.close()
    async with client_of(Database(postgres_url)) as client:
        ready = await client.get("/health/ready")
        assert ready.status_code == 503
        assert ready.json()["checks"]["database"]["message"] == "1 migrations are missing: run `plait migrate`."


async def test_a_statement_that_takes_too_long_is_given_up(postgres_url: str) -> None:
    blocker = await asyncpg.connect(postgres_url)
    async with client_of(Database(postgres_url, statement_timeout_ms=100)) as client:
        async with blocker.transaction():
            await blocker.execute("LOCK TABLE exchanges")
            answer = await client.get("/api/requests")
            assert (answer.status_code, answer.json()["error"]["type"]) == (504, "timeout_error")
        assert (await client.get("/api/requests")).status_code == 200
    await blocker.close()


async def test_an_export_whose_beginning_takes_too_long_is_refused(postgres_url: str) -> None:
    blocker = await asyncpg.connect(postgres_url)
    s = await scene.play(blocker)
    async with client_of(Database(postgres_url, statement_timeout_ms=500)) as client:
        path = f"/api/conversations/{s.told}/export"
        async with blocker.transaction():
            await blocker.execute("LOCK TABLE exchange_requests")
            refused = await client.get(path)
            assert (refused.status_code, refused.json()["error"]["type"]) == (503, "unavailable_error")
        assert (await client.get(path)).status_code == 200
    await blocker.close()


@pytest.mark.parametrize("path", ["/api/requests", "/api/conversations"])
async def test_many_callers_share_few_connections(postgres_url: str, path: str) -> None:
    async with client_of(Database(postgres_url, size=2)) as client:
        answers = await asyncio.gather(*(client.get(path) for _ in range(40)))
    assert {answer.status_code for answer in answers} == {200}
