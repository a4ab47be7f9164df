"""Deleting through the API: asked for by administrators, carried out by a linker, and written down."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

import asyncpg
import httpx2
import pytest

from plait.api import deleting
from plait.api.app import create_app
from plait.api.database import Database
from plait.common import postgres
from plait.common.access.doors import Doors
from plait.common.access.key_file import KeyFile
from plait.common.access.keys import hash_of
from plait.linker.forget.deletion import attend
from tests import scene, seeding

ADMIN = {"X-API-Key": "boss"}
ADMIN_OF_B = {"X-API-Key": "boss-of-b"}
VIEWER = {"X-API-Key": "key"}


@pytest.fixture
async def client(postgres_url: str, tmp_path: Path) -> AsyncIterator[httpx2.AsyncClient]:
    file = tmp_path / "keys.json"
    boss_of_b = {"name": "of-b", "role": "admin", "hash": hash_of(ADMIN_OF_B["X-API-Key"]), "domains": ["b.test"]}
    file.write_text(json.dumps({"keys": [boss_of_b]}))
    database = Database(postgres_url)
    app = create_app(database, Doors(viewer="key", admin="boss", file=KeyFile(file)))
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://api.test") as client:
        yield client
    await database.close()


@pytest.fixture
async def linker(postgres_url: str) -> AsyncIterator[None]:
    """Carries out what is asked for."""
    database = postgres.Database(postgres_url, name="linker", size=2)
    attending = asyncio.create_task(attend(database))
    yield
    attending.cancel()
    with suppress(asyncio.CancelledError):
        await attending
    await database.close()


@pytest.fixture
async def db(postgres_url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(postgres_url)
    yield connection
    await connection.close()


async def kept(db: asyncpg.Connection) -> int:
    found: int = await db.fetchval("SELECT count(*) FROM exchanges WHERE method IS NOT NULL")
    return found


@pytest.mark.usefixtures("linker")
async def test_a_conversation(client: httpx2.AsyncClient, played: scene.Scene, db: asyncpg.Connection) -> None:
    answer = await client.delete(f"/api/conversations/{played.told}", headers=ADMIN)
    assert answer.status_code == 200, answer.text
    number = await db.fetchval("SELECT id FROM deletions")
    assert answer.json() == {"deletionIds": [number], "deletedRequests": 6, "finished": True}
    assert (await client.get(f"/api/conversations/{played.told}", headers=ADMIN)).status_code == 404
    assert (await client.get(f"/api/requests/{played.root}", headers=ADMIN)).status_code == 404
    assert await kept(db) == 2
    assert await db.fetchval("SELECT asked_by FROM deletions") == "key ADMIN_API_KEY"
    action = await db.fetchrow("SELECT key_name, method, path, request_id FROM admin_actions")
    told = ("ADMIN_API_KEY", "DELETE", f"/api/conversations/{played.told}", answer.headers["x-request-id"])
    assert action is not None
    assert tuple(action) == told


@pytest.mark.usefixtures("linker")
async def test_what_began_before(client: httpx2.AsyncClient, played: scene.Scene, db: asyncpg.Connection) -> None:
    await db.execute("UPDATE exchanges SET started_at = started_at - interval '40 years'")
    before = seeding.moment(20).replace(year=1986).isoformat().replace("+00:00", "Z")
    answer = await client.delete("/api/requests", params={"before": before, "domain": "a.test"}, headers=ADMIN)
    assert answer.json()["deletedRequests"] == 4
    answer = await client.delete("/api/requests", params={"before": "2000-01-01"}, headers=ADMIN_OF_B)
    assert (answer.json()["deletedRequests"], answer.json()["finished"]) == (2, True)
    left = {row["id"] for row in await db.fetch("SELECT id FROM exchanges WHERE method IS NOT NULL")}
    assert left == {played.other, played.failed}


async def test_who_may(client: httpx2.AsyncClient, played: scene.Scene, db: asyncpg.Connection) -> None:
    path = f"/api/conversations/{played.told}"
    asked = [
        await client.delete(path),
        await client.delete(path, headers=VIEWER),
        await client.delete(path, headers=ADMIN_OF_B),
        await client.delete("/api/requests?before=2020-01-01", headers=VIEWER),
        await client.delete(f"/api/conversations/{uuid4()}", headers=ADMIN),
    ]
    assert [answer.status_code for answer in asked] == [401, 403, 404, 403, 404]
    nothing = await client.delete("/api/requests?before=2020-01-01&domain=a.test", headers=ADMIN_OF_B)
    assert nothing.json() == {"deletionIds": [], "deletedRequests": 0, "finished": True}
    assert await db.fetchval("SELECT count(*) FROM deletions") == 0
    assert await kept(db) == 8


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("", "before"),
        ("before=", "before"),
        ("before=x", "before"),
        ("before=9999-01-01", "before"),
        ("before=2020-01-01&all=1", "all"),
    ],
)
async def test_what_is_wrong_deletes_nothing(
    client: httpx2.AsyncClient, db: asyncpg.Connection, query: str, name: str
) -> None:
    answer = await client.delete(f"/api/requests?{query}", headers=ADMIN)
    assert answer.status_code == 400
    assert answer.json()["error"]["message"].startswith(f"{name}: ")
    assert await db.fetchval("SELECT count(*) FROM deletions") == 0


@pytest.mark.parametrize("sought", ["%00", "%1B%5D0%3Bowned%07", "%C2%9B31m", "%E2%80%AEx", "a%20b"])
async def test_any_path_can_be_written_down(client: httpx2.AsyncClient, db: asyncpg.Connection, sought: str) -> None:
    answer = await client.delete(f"/api/conversations/{sought}", headers=ADMIN)
    assert answer.status_code == 400, answer.text
    assert await db.fetchval("SELECT path FROM admin_actions") == f"/api/conversations/{sought}"


async def test_without_a_linker_it_waits_for_one(
    client: httpx2.AsyncClient, played: scene.Scene, db: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deleting, "_PATIENCE_S", 0.01)
    answer = await client.delete(f"/api/conversations/{played.told}", headers=ADMIN)
    assert answer.status_code == 202
    assert (answer.json()["deletedRequests"], answer.json()["finished"]) == (0, False)
    assert await db.fetchval("SELECT count(*) FROM deletions WHERE finished_at IS NULL") == 1
