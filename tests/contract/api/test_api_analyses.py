"""`/api/analyses`: asked for, read, made anew; counted, written down, and kept to the domains of a key."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx2
import pytest

from plait.api.app import create_app
from plait.api.database import Database
from plait.common.access.doors import Doors
from plait.common.access.grants import Grant
from tests.scene import Scene


@pytest.fixture
async def db(postgres_url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(postgres_url)
    yield connection
    await connection.close()


def body(conversation: UUID, **more: Any) -> dict[str, Any]:
    return {"conversationId": str(conversation), **more}


async def complete(db: asyncpg.Connection) -> None:
    await db.execute(
        "UPDATE analyses SET status = 'completed', completed_at = now(), content = '# Told', data = $1::text::jsonb,"
        " prompt_tokens = 3, completion_tokens = 4, total_tokens = 9, provider = 'gemini', model = 'm'",
        '{"summary":"s"}',
    )


async def calls(db: asyncpg.Connection) -> list[tuple[str, str, str, str | None]]:
    rows = await db.fetch("SELECT caller, action, outcome, domain FROM analysis_calls ORDER BY id")
    return [tuple(row) for row in rows]


async def test_the_life_of_an_analysis(client: httpx2.AsyncClient, played: Scene, db: asyncpg.Connection) -> None:
    one = f"/api/analyses/{played.told}/main"
    assert (await client.get(one)).status_code == 404
    asked = await client.post("/api/analyses", json=body(played.told, customPrompt="be brief"))
    assert asked.status_code == 201
    number = asked.json()["analysisId"]
    assert asked.json() == {"message": "The analysis is queued.", "analysisId": number, "status": "pending"}
    again = await client.post("/api/analyses", json=body(played.told, branchId="main"))
    assert (again.status_code, again.json()["analysisId"]) == (200, number)

    waiting = (await client.get(one)).json()
    assert (waiting["id"], waiting["conversationId"], waiting["branchId"]) == (number, str(played.told), "main")
    assert (waiting["status"], waiting["customPrompt"], waiting["askedBy"]) == (
        "pending",
        "be brief",
        "key DASHBOARD_API_KEY",
    )
    assert [waiting[name] for name in ("content", "data", "error", "completedAt", "tokenUsage")] == [None] * 5
    assert {"createdAt", "updatedAt"} <= waiting.keys()

    await complete(db)
    done = (await client.get(one)).json()
    assert (done["status"], done["content"], done["data"]) == ("completed", "# Told", {"summary": "s"})
    assert done["tokenUsage"] == {"prompt": 3, "completion": 4, "total": 9}
    assert (await client.post("/api/analyses", json=body(played.told))).status_code == 200

    anew = await client.post(f"{one}/regenerate", json={"customPrompt": "be long"})
    assert (anew.status_code, anew.json()["status"]) == (200, "pending")
    assert (await client.get(one)).json()["content"] == "# Told"
    assert (await client.post(f"{one}/regenerate")).status_code == 200
    assert (await client.get(one)).json()["customPrompt"] is None

    await db.execute("UPDATE analyses SET status = 'failed', error = 'away'")
    assert (await client.get(one)).json()["error"] == "away"
    assert (await client.post("/api/analyses", json=body(played.told))).status_code == 201


async def test_lists(client: httpx2.AsyncClient, played: Scene, db: asyncpg.Connection) -> None:
    assert (await client.get("/api/analyses")).json()["analyses"] == []
    await db.execute("UPDATE conversations SET branch_ids = '{main,subtask_1}'")
    for branch in ("main", "subtask_1"):
        await client.post("/api/analyses", json=body(played.told, branchId=branch))
    listed = (await client.get("/api/analyses", params={"status": "pending", "limit": 1})).json()
    assert [row["branchId"] for row in listed["analyses"]] == ["subtask_1"]
    assert listed["pagination"]["total"] == 2
    following = {"limit": 1, "cursor": listed["pagination"]["nextCursor"]}
    assert [row["branchId"] for row in (await client.get("/api/analyses", params=following)).json()["analyses"]] == [
        "main"
    ]
    assert (await client.get("/api/analyses", params={"status": "failed"})).json()["analyses"] == []


async def test_what_is_not_there_is_refused_and_written_down(
    client: httpx2.AsyncClient, played: Scene, db: asyncpg.Connection
) -> None:
    unknown = uuid4()
    for answer in (
        await client.post("/api/analyses", json=body(unknown)),
        await client.post("/api/analyses", json=body(played.told, branchId="none")),
        await client.get(f"/api/analyses/{unknown}/main"),
        await client.post(f"/api/analyses/{unknown}/main/regenerate", json={}),
        await client.post(f"/api/analyses/{played.told}/main/regenerate", json={}),
    ):
        assert answer.status_code == 404, answer.text
        assert answer.json()["error"]["type"] == "not_found_error"
    assert [call[1:] for call in await calls(db)] == [
        ("request", "not_found", None),
        ("request", "not_found", None),
        ("read", "not_found", None),
        ("regenerate", "not_found", None),
        ("regenerate", "not_found", "a.test"),
    ]


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({}, "conversationId: is missing"),
        ({"conversationId": "7"}, "conversationId: must be a UUID, not '7'"),
        ({"conversationId": str(uuid4()), "branchId": ""}, "branchId: "),
        ({"conversationId": str(uuid4()), "branchId": "a\0b"}, "branchId: a NUL character is in it"),
        ({"conversationId": str(uuid4()), "customPrompt": "x" * 4001}, "customPrompt: "),
        ({"conversationId": str(uuid4()), "customPrompt": 5}, "customPrompt: "),
        ({"conversationId": str(uuid4()), "prompt": "x"}, "prompt: no such parameter"),
        ([], "body: must be a JSON object, sent with `Content-Type: application/json`"),
        (None, "body: is missing"),
    ],
)
async def test_a_body_that_is_no_good(client: httpx2.AsyncClient, given: Any, says: str) -> None:
    answer = await client.post("/api/analyses", json=given)
    assert answer.status_code == 400
    assert answer.json()["error"]["type"] == "invalid_request_error"
    assert says in answer.json()["error"]["message"]


async def test_a_body_that_is_no_json(client: httpx2.AsyncClient) -> None:
    answer = await client.post("/api/analyses", content=b'{"a', headers={"content-type": "application/json"})
    assert answer.status_code == 400
    assert "body: is no JSON" in answer.json()["error"]["message"]


async def test_too_many(client: httpx2.AsyncClient, played: Scene, db: asyncpg.Connection) -> None:
    for _ in range(15):
        assert (await client.post("/api/analyses", json=body(played.told))).status_code in (200, 201)
    refused = await client.post("/api/analyses", json=body(played.told))
    assert (refused.status_code, refused.json()["error"]["type"]) == (429, "rate_limit_error")
    assert 1 <= int(refused.headers["retry-after"]) <= 4
    assert (await client.post(f"/api/analyses/{played.told}/main/regenerate", json={})).status_code == 429
    assert (await client.post("/api/analyses", json=body(played.open))).status_code == 201, "another domain"
    assert (await client.get(f"/api/analyses/{played.told}/main")).status_code == 200
    await db.execute("UPDATE analysis_rates SET paid_until = now() + interval '1 minute' WHERE action = 'read'")
    unread = await client.get(f"/api/analyses/{played.told}/main")
    assert (unread.status_code, unread.headers["retry-after"]) == (429, "1")
    assert [call[1:3] for call in await calls(db)][-5:] == [
        ("request", "too_many"),
        ("regenerate", "too_many"),
        ("request", "done"),
        ("read", "done"),
        ("read", "too_many"),
    ]


async def test_a_key_of_some_domains(postgres_url: str, played: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    doors = Doors(viewer="key")
    monkeypatch.setattr(doors, "grant_of", lambda _: Grant("guest", "viewer", frozenset({"b.test"})))
    database = Database(postgres_url)
    transport = httpx2.ASGITransport(app=create_app(database, doors))
    async with httpx2.AsyncClient(transport=transport, base_url="http://api.test") as guest:
        guest.headers["X-API-Key"] = "guest"
        assert (await guest.post("/api/analyses", json=body(played.told))).status_code == 404
        assert (await guest.post("/api/analyses", json=body(played.open))).status_code == 201
        assert (await guest.get(f"/api/analyses/{played.told}/main")).status_code == 404
        assert (await guest.get(f"/api/analyses/{played.open}/main")).status_code == 200
        assert [row["domain"] for row in (await guest.get("/api/analyses")).json()["analyses"]] == ["b.test"]
    await database.close()
