"""A key of some domains: whatever it asks for, nothing of another domain is told, on any route that there is."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncpg
import httpx2
import pytest

from plait.api.app import create_app
from plait.api.database import Database
from plait.common.access.doors import Doors
from plait.common.access.key_file import KeyFile
from plait.common.access.keys import hash_of
from plait.common.migrate import migrate
from tests import scene, seeding

LIMITED = {"X-API-Key": "key-of-b"}
IDLE = {"X-API-Key": "key-of-a-domain-without-traffic"}
WHOLE = {"X-API-Key": "key-of-all"}
KEY = {"X-API-Key": "key"}
_TIME = re.compile(r"\d{4}-\d\d-\d\dT")
VALUES = {"q": "story", "group_by": "domain", "before": "2026-01-01"}
"""What required parameters are given."""


@pytest.fixture
async def played(postgres_url: str) -> scene.Scene:
    connection = await asyncpg.connect(postgres_url)
    try:
        played = await scene.play(connection)
        await seeding.add_answer_body(connection, played.more, b"{}")
        await seeding.add_analysis(connection, played.told)
        await connection.execute("UPDATE exchanges SET request_size = 9, response_size = 9")
        return played
    finally:
        await connection.close()


@pytest.fixture
async def empty_record_url(empty_postgres_url: str) -> str:
    """A database that nothing was recorded in."""
    connection = await asyncpg.connect(empty_postgres_url)
    await migrate(connection)
    await connection.close()
    return empty_postgres_url


@pytest.fixture
async def client(postgres_url: str, tmp_path: Path) -> AsyncIterator[httpx2.AsyncClient]:
    """An API with a key of `b.test` alone and one of everything."""
    file = tmp_path / "keys.json"
    keys = [
        {"name": "of-b", "role": "admin", "hash": hash_of(LIMITED["X-API-Key"]), "domains": ["b.test"]},
        {"name": "of-nothing", "role": "viewer", "hash": hash_of(IDLE["X-API-Key"]), "domains": ["idle.test"]},
        {"name": "of-all", "role": "viewer", "hash": hash_of(WHOLE["X-API-Key"])},
    ]
    file.write_text(json.dumps({"keys": keys}))
    database = Database(postgres_url)
    transport = httpx2.ASGITransport(app=create_app(database, Doors(file=KeyFile(file))))
    async with httpx2.AsyncClient(transport=transport, base_url="http://api.test") as client:
        yield client
    await database.close()


async def reading(client: httpx2.AsyncClient) -> list[tuple[str, dict[str, Any]]]:
    """Every route that reads, but for the streams of what happens now."""
    paths: dict[str, Any] = (await client.get("/openapi.json")).json()["paths"]
    found = [(path, operations["get"]) for path, operations in paths.items() if "get" in operations]
    return [(path, get) for path, get in found if "text/event-stream" not in get["responses"]["200"].get("content", {})]


def asked(path: str, operation: dict[str, Any], s: scene.Scene) -> str:
    """A call of the route for what a.test has."""
    conversation = path.startswith("/api/conversations/")
    ids: dict[str, object] = {"id": s.told if conversation else s.root, "a": s.root, "b": s.more}
    ids |= {"conversationId": s.told, "branchId": "main"}
    given = [p["name"] for p in operation.get("parameters", []) if p["in"] == "query" and p["required"]]
    filled = path.format(**{name: str(number) for name, number in ids.items()})
    return str(httpx2.URL(filled, params={name: VALUES[name] for name in given}))


def traces(text: str, s: scene.Scene) -> set[str]:
    """What of a.test is in an answer."""
    marks = {"a.test", scene.SESSION, "A 100% story", '"acc"', *(str(n) for n in (s.root, s.more, s.failed, s.told))}
    return {mark for mark in marks if mark in text}


async def test_no_route_tells_of_another_domain(client: httpx2.AsyncClient, played: scene.Scene) -> None:
    telling = set()
    for path, operation in await reading(client):
        target = asked(path, operation, played)
        whole = await client.get(target, headers=WHOLE)
        assert whole.status_code != 404, target
        telling |= {path} if traces(whole.text, played) else set()
        limited = await client.get(target, headers=LIMITED)
        if "{" in path:
            assert limited.status_code == 404, (target, limited.text)
        else:
            assert (limited.status_code, traces(limited.text, played)) == (200, set()), (target, limited.text)
    assert {"/api/requests", "/api/requests/{id}", "/api/conversations", "/api/conversations/{id}"} <= telling


async def test_sums_have_nothing_of_other_domains(
    client: httpx2.AsyncClient, played: scene.Scene, empty_record_url: str
) -> None:
    """To a domain without traffic every list and every sum is as if nothing had ever been recorded."""
    nothing = Database(empty_record_url)
    transport = httpx2.ASGITransport(app=create_app(nothing, "key"))
    async with httpx2.AsyncClient(transport=transport, base_url="http://api.test", headers=KEY) as beside:
        for path, operation in await reading(client):
            if "{" not in path and not path.startswith("/health"):
                target = asked(path, operation, played)
                idle = timeless((await client.get(target, headers=IDLE)).json())
                assert idle == timeless((await beside.get(target)).json()), target
    await nothing.close()


def timeless(value: Any) -> Any:
    """The same without times: two calls are not made at one moment."""
    if isinstance(value, dict):
        return {name: timeless(each) for name, each in value.items()}
    if isinstance(value, list):
        return [timeless(each) for each in value]
    return "a time" if isinstance(value, str) and _TIME.match(value) else value


async def test_it_shows_its_own(client: httpx2.AsyncClient, played: scene.Scene) -> None:
    listed = (await client.get("/api/requests", headers=LIMITED)).json()
    assert [one["requestId"] for one in listed["requests"]] == [str(played.counting), str(played.running)]
    assert listed["pagination"]["total"] == 2
    one = (await client.get(f"/api/requests/{played.running}", headers=LIMITED)).json()
    assert one["requestBody"] == scene.ROOT_BODY
    conversations = (await client.get("/api/conversations", headers=LIMITED)).json()["conversations"]
    assert [one["conversationId"] for one in conversations] == [str(played.open)]


@pytest.mark.parametrize("given", ["a.test", "b.test' OR '1'='1", '{"a.test","b.test"}', "%", "*"])
async def test_naming_another_domain_finds_nothing(client: httpx2.AsyncClient, played: scene.Scene, given: str) -> None:
    answer = await client.get("/api/requests", params={"domain": given}, headers=LIMITED)
    assert (answer.status_code, answer.json()["requests"]) == (200, [])


async def test_an_administrator_of_a_domain_deletes_nothing_of_another(
    client: httpx2.AsyncClient, played: scene.Scene, postgres_url: str
) -> None:
    gone = await client.delete(f"/api/conversations/{played.told}", headers=LIMITED)
    assert gone.status_code == 404, gone.text
    outdated = await client.delete("/api/requests?before=2026-11-21&domain=a.test", headers=LIMITED)
    assert (outdated.status_code, outdated.json()["deletedRequests"]) == (200, 0)
    refused = await client.delete(f"/api/conversations/{played.told}", headers=WHOLE)
    assert refused.status_code == 403, "a viewer's"
    connection = await asyncpg.connect(postgres_url)
    assert await connection.fetchval("SELECT count(*) FROM deletions") == 0
    actions = await connection.fetch("SELECT key_name, method FROM admin_actions")
    assert [tuple(row) for row in actions] == [("of-b", "DELETE")] * 2
    await connection.close()


async def test_one_connection_serves_keys_in_turn(postgres_url: str, played: scene.Scene) -> None:
    """Who was served before by a connection leaves no trace on it."""
    database = Database(postgres_url, size=1)
    count = "SELECT count(*) FROM exchanges WHERE method IS NOT NULL"
    try:
        for _ in range(3):
            for domains, number in ((["a.test"], 6), (["b.test"], 2), (["a.test", "b.test"], 8), ([], 0)):
                assert await (await database.limited(domains)).fetchval(count) == number
    finally:
        await database.close()


@pytest.mark.parametrize("way", ["SET ROLE NONE", "RESET ROLE", "SET search_path TO public", ""])
async def test_tables_behind_the_views_are_closed(postgres_url: str, played: scene.Scene, way: str) -> None:
    """Also to a statement that somebody smuggled in, when the service logs in as a user of its own."""
    connection = await asyncpg.connect(postgres_url)
    try:
        await connection.execute("CREATE ROLE smuggler_in_tests LOGIN PASSWORD 'x' IN ROLE plait_limited")
        own = str(httpx2.URL(postgres_url).copy_with(username="smuggler_in_tests", password="x"))
        limited = await (database := Database(own)).limited(["b.test"])
        try:
            async with limited.acquire() as smuggled:
                if way:
                    await smuggled.execute(way)
                with pytest.raises(asyncpg.InsufficientPrivilegeError):
                    await smuggled.fetch("SELECT * FROM public.exchanges")
        finally:
            await database.close()
    finally:
        await connection.execute("DROP ROLE IF EXISTS smuggler_in_tests")
        await connection.close()
