"""Every route of the read API on a real Postgres, against exact values."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx2
import pytest

from plait.api.app import create_app
from plait.api.database import Database
from plait.common.ids import conversation_id
from plait.common.queries.paging import Cursor
from tests import scene, seeding

KEY = {"X-Dashboard-Key": "key"}
SINCE = "since=2026-11-21T12:00:00Z"


@pytest.fixture
async def played(postgres_url: str) -> scene.Scene:
    connection = await asyncpg.connect(postgres_url)
    try:
        return await scene.play(connection)
    finally:
        await connection.close()


@pytest.fixture
async def client(postgres_url: str) -> AsyncIterator[httpx2.AsyncClient]:
    database = Database(postgres_url)
    transport = httpx2.ASGITransport(app=create_app(database, "key"))
    async with httpx2.AsyncClient(transport=transport, base_url="http://api.test", headers=KEY) as client:
        yield client
    await database.close()


async def get(client: httpx2.AsyncClient, path: str) -> Any:
    answer = await client.get(path)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/json"
    return answer.json()


def root_summary(s: scene.Scene) -> dict[str, Any]:
    return {
        "requestId": str(s.root),
        "domain": "a.test",
        "accountId": "acc",
        "sessionId": scene.SESSION,
        "agentId": None,
        "kind": "inference",
        "sideKind": None,
        "model": "claude-opus-5-5",
        "timestamp": "2026-11-21T12:00:00Z",
        "method": "POST",
        "path": "/v1/messages",
        "status": 200,
        "outcome": "complete",
        "streamed": True,
        "inputTokens": 10,
        "outputTokens": 20,
        "cacheReadInputTokens": 0,
        "cacheCreationInputTokens": 7,
        "totalTokens": 37,
        "costUsd": 0.125,
        "subscription": False,
        "durationMs": 1500.0,
        "firstTokenMs": 250.0,
        "messageCount": 1,
        "toolCallCount": 2,
        "conversationId": str(s.told),
        "branchId": "main",
        "parentRequestId": None,
        "linkKind": "root",
        "requestType": "inference",
        "retryOf": None,
        "servesRequestId": None,
        "isSubtask": False,
        "parentTaskRequestId": None,
        "tag": "ci",
        "keyName": "team",
        "preview": scene.FIRST["content"],
        "error": None,
    }


def place(total: int, limit: int, offset: int = 0, *, after: str | None = None) -> dict[str, Any]:
    """`after`: the cursor of the page that follows."""
    return {
        "total": total,
        "totalIsEstimate": False,
        "limit": limit,
        "offset": offset,
        "hasMore": after is not None,
        "nextCursor": after,
    }


def cursor(at: float, number: UUID) -> str:
    """The place of what began so many seconds after the start."""
    return str(Cursor(seeding.moment(at), number))


async def test_requests(client: httpx2.AsyncClient, played: scene.Scene) -> None:
    found = await get(client, "/api/requests")
    assert [row["requestId"] for row in found["requests"]] == [str(i) for i in played.newest_first]
    assert found["requests"][-1] == root_summary(played)
    assert found["pagination"] == place(8, 100)


async def test_requests_page(client: httpx2.AsyncClient, played: scene.Scene) -> None:
    found = await get(client, "/api/requests?limit=2&offset=1&domain=a.test")
    assert [row["requestId"] for row in found["requests"]] == [str(played.other), str(played.task)]
    assert found["pagination"] == place(6, 2, 1, after=cursor(12, played.task))


async def test_requests_by_cursor(client: httpx2.AsyncClient, played: scene.Scene) -> None:
    seen: list[str] = []
    after: str | None = ""
    while after is not None:
        found = await get(client, f"/api/requests?limit=3{after and f'&cursor={after}'}")
        assert found["pagination"]["total"] == 8
        seen += [row["requestId"] for row in found["requests"]]
        after = found["pagination"]["nextCursor"]
    assert seen == [str(number) for number in played.newest_first]


async def test_conversations_by_cursor(client: httpx2.AsyncClient, played: scene.Scene) -> None:
    first = await get(client, "/api/conversations?limit=1")
    assert first["pagination"] == place(2, 1, after=cursor(40, played.open))
    rest = await get(client, f"/api/conversations?limit=1&cursor={first['pagination']['nextCursor']}")
    assert [row["conversationId"] for row in rest["conversations"]] == [str(played.told)]
    assert rest["pagination"] == place(2, 1)


FILTERED = [
    (f"sessionId={scene.SESSION}&kind=subagent", ["task"]),
    ("status=529", ["failed"]),
    ("status=running", ["running"]),
    ("status=complete&domain=b.test", ["counting"]),
    ("model=claude-haiku", ["title"]),
    ("since=2026-11-21T12:00:40Z", ["counting", "running"]),
    ("since=2026-11-21T14:00:20%2B02:00&until=2026-11-21T12:00:40Z", ["failed", "other"]),
    ("until=2026-11-20", []),
    ("until=2026-11-21&kind=auxiliary", ["title"]),
    ("q=100%25+wool_and%5C", ["root"]),
    ("q=%25&domain=b.test", []),
    ("q=_&domain=a.test", ["root"]),
    ("q=%F0%9F%98%80", []),
]


async def test_requests_filtered(client: httpx2.AsyncClient, played: scene.Scene) -> None:
    for query, names in FILTERED:
        found = await get(client, f"/api/requests?{query}")
        assert [row["requestId"] for row in found["requests"]] == [str(getattr(played, n)) for n in names], query


async def test_requests_of_a_conversation_by_any_of_its_ids(client: httpx2.AsyncClient, played: scene.Scene) -> None:
    for exchange in (played.root, played.other):
        found = await get(client, f"/api/requests?conversationId={conversation_id(exchange)}&limit=1")
        assert found["pagination"] == place(6, 1, after=cursor(30, played.failed))


async def test_nothing_found_is_an_empty_list(client: httpx2.AsyncClient) -> None:
    assert await get(client, "/api/requests") == {"requests": [], "pagination": place(0, 100)}
    assert await get(client, "/api/conversations") == {"conversations": [], "pagination": place(0, 50)}
    assert await get(client, "/api/domains") == {"domains": []}


async def test_one_request(client: httpx2.AsyncClient, played: scene.Scene) -> None:
    found = await get(client, f"/api/requests/{played.root}")
    assert found == root_summary(played) | {
        "evidence": {"rule": "none", "detail": {"tried": ["session"]}},
        "requestHeaders": [list(header) for header in scene.REQUEST_HEADERS],
        "responseHeaders": [list(header) for header in scene.RESPONSE_HEADERS],
        "requestBody": scene.ROOT_BODY,
        "responseBody": scene.ANSWER,
        "usageData": {"input_tokens": 10, "output_tokens": 20},
        "cache": None,
    }


async def test_a_running_request(client: httpx2.AsyncClient, played: scene.Scene) -> None:
    found = await get(client, f"/api/requests/{played.running}")
    assert (found["outcome"], found["status"], found["responseBody"], found["usageData"]) == (None, None, None, None)
    assert found["requestBody"] == scene.ROOT_BODY


async def test_a_failed_request_tells_why(client: httpx2.AsyncClient, played: scene.Scene) -> None:
    found = await get(client, f"/api/requests/{played.failed}")
    assert found["error"] == {"type": "overloaded_error", "message": "Overloaded"}
    assert (found["retryOf"], found["parentRequestId"]) == (str(played.more), str(played.more))


async def test_a_body_that_only_the_slow_encoder_takes(
    client: httpx2.AsyncClient, played: scene.Scene, postgres_url: str
) -> None:
    connection = await asyncpg.connect(postgres_url)
    exchange = await seeding.add_exchange(connection)
    body = b'{"messages":[{"role":"user","content":"half \\ud83d of a pair"}],"big":36893488147419103232}'
    await seeding.add_request_body(connection, exchange, body)
    await connection.close()
    assert (await get(client, f"/api/requests/{exchange}"))["requestBody"] == json.loads(body)


async def test_chunks(client: httpx2.AsyncClient, played: scene.Scene) -> None:
    assert await get(client, f"/api/requests/{played.root}/chunks") == {
        "chunks": [
            {"index": 0, "offsetMs": 250.0, "data": "event: a\n"},
            {"index": 1, "offsetMs": 260.26, "data": "✨\n"},
            {"index": 2, "offsetMs": 1400.5, "data": "� end"},
        ]
    }
    assert await get(client, f"/api/requests/{played.running}/chunks") == {"chunks": []}


def told_summary(s: scene.Scene) -> dict[str, Any]:
    return {
        "conversationId": str(s.told),
        "title": "A 100% story",
        "domain": "a.test",
        "accountId": "acc",
        "sessionIds": [scene.SESSION],
        "firstMessageTime": "2026-11-21T12:00:00Z",
        "lastMessageTime": "2026-11-21T12:00:30Z",
        "requestCount": 6,
        "failedCount": 1,
        "messageCount": 5,
        "totalTokens": 201,
        "costUsd": 0.375,
        "unpricedCount": 3,
        "branchCount": 3,
        "subtaskBranchCount": 1,
        "compactBranchCount": 0,
        "userBranchCount": 1,
        "modelsUsed": ["claude-opus-5-5"],
        "rootRequestId": str(s.root),
        "latestRequestId": str(s.more),
        "latestModel": "claude-opus-5-5",
        "latestContextTokens": 119,
    }


async def test_conversations(client: httpx2.AsyncClient, played: scene.Scene) -> None:
    found = await get(client, "/api/conversations")
    assert [row["conversationId"] for row in found["conversations"]] == [str(played.open), str(played.told)]
    assert found["conversations"][1] == told_summary(played)
    assert found["pagination"] == place(2, 50)


CONVERSATIONS = [
    ("domain=b.test", ["open"]),
    ("accountId=acc", ["told"]),
    (f"sessionId={scene.SESSION}", ["told"]),
    ("q=100%25", ["told"]),
    ("q=_", []),
    ("dateFrom=2026-11-21T12:00:35Z", ["open"]),
    ("dateTo=2026-11-21", ["open", "told"]),
    ("dateTo=2026-11-20", []),
    ("limit=1&offset=1", ["told"]),
]


async def test_conversations_filtered(client: httpx2.AsyncClient, played: scene.Scene) -> None:
    for query, names in CONVERSATIONS:
        found = await get(client, f"/api/conversations?{query}")
        ids = [row["conversationId"] for row in found["conversations"]]
        assert ids == [str(getattr(played, name)) for name in names], query


async def test_one_conversation(client: httpx2.AsyncClient, played: scene.Scene) -> None:
    found = await get(client, f"/api/conversations/{played.told}")
    requests, branches = found.pop("requests"), found.pop("branches")
    assert found == told_summary(played)
    order = (played.root, played.title, played.more, played.task, played.other, played.failed)
    assert [row["requestId"] for row in requests] == [str(i) for i in order]
    assert requests[0] == root_summary(played)
    assert branches[1] == {
        "branchId": "subtask_1",
        "kind": "subtask",
        "parentRequestId": str(played.more),
        "requestCount": 1,
        "totalTokens": 11,
        "firstTime": "2026-11-21T12:00:12Z",
        "lastTime": "2026-11-21T12:00:12Z",
    }
    assert [branch["branchId"] for branch in branches] == ["main", "subtask_1", "branch_20261121120020"]


async def test_an_older_id_answers_with_the_conversation(client: httpx2.AsyncClient, played: scene.Scene) -> None:
    wanted = await get(client, f"/api/conversations/{played.told}")
    assert await get(client, f"/api/conversations/{conversation_id(played.task)}") == wanted


async def test_statistics(client: httpx2.AsyncClient, played: scene.Scene) -> None:
    assert await get(client, f"/api/stats?{SINCE}") == {
        "totalRequests": 8,
        "unplacedRequests": 1,
        "totalTokens": 201,
        "totalInputTokens": 30,
        "totalOutputTokens": 49,
        "totalCacheCreationTokens": 19,
        "totalCacheReadTokens": 103,
        "totalCostUsd": 0.375,
        "averageResponseTime": 1288.57,
        "errorCount": 1,
        "activeDomains": 2,
        "requestsByModel": {"claude-opus-5-5": 5, "claude-haiku": 1},
        "requestsByType": {"inference": 5, "query_evaluation": 1},
    }
    assert (await get(client, f"/api/stats?{SINCE}&domain=b.test"))["totalRequests"] == 2


async def test_statistics_are_of_the_last_day_unless_asked(client: httpx2.AsyncClient, postgres_url: str) -> None:
    connection = await asyncpg.connect(postgres_url)
    for hours in (1, 23, 25, 24 * 8):
        age = f"now() - interval '{hours} hours'"
        exchange = await seeding.add_exchange(connection, hours)
        await connection.execute(f"UPDATE exchanges SET started_at = {age} WHERE id = $1", exchange)
    await connection.close()
    assert (await get(client, "/api/stats"))["totalRequests"] == 2
    assert await get(client, "/api/domains") == {"domains": [{"domain": "a.test", "requestCount": 3}]}


async def test_unknown_ids(client: httpx2.AsyncClient, played: scene.Scene) -> None:
    stranger = uuid4()
    paths = {
        f"/api/requests/{stranger}": f"No request has the id {stranger}.",
        f"/api/requests/{stranger}/chunks": f"No request has the id {stranger}.",
        f"/api/requests/{played.answer_only}": f"No request has the id {played.answer_only}.",
        f"/api/conversations/{stranger}": f"No conversation has the id {stranger}.",
        f"/api/conversations/{played.root}": f"No conversation has the id {played.root}.",
    }
    for path, message in paths.items():
        answer = await client.get(path)
        assert (answer.status_code, answer.json()["error"]["type"]) == (404, "not_found_error")
        assert answer.json()["error"]["message"] == message


@pytest.mark.parametrize("path", ["/health", "/health/ready"])
async def test_ready(client: httpx2.AsyncClient, path: str) -> None:
    assert await get(client, path) == {
        "status": "ok",
        "checks": {
            "database": {"status": "ok", "message": "Postgres answers."},
            "key": {"status": "ok", "message": "A key is set."},
        },
        "version": "0.1.0",
    }
