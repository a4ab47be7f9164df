"""The read API keeps its contract: the names that scripts rely on, and its own OpenAPI document."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import asyncpg
import httpx2
import pytest
from jsonschema import Draft202012Validator, ValidationError

from tests import scene

KEY = {"X-Dashboard-Key": "key"}
SUMMARY = (
    "requestId domain accountId sessionId agentId kind model timestamp status outcome inputTokens outputTokens"
    " cacheReadInputTokens cacheCreationInputTokens totalTokens costUsd durationMs firstTokenMs toolCallCount"
    " conversationId branchId parentRequestId linkKind requestType retryOf servesRequestId tag keyName error"
)
WHOLE = (
    f"{SUMMARY} evidence requestHeaders responseHeaders requestBody responseBody usageData parentTaskRequestId"
    " isSubtask messageCount"
)
CONVERSATION = (
    "conversationId title domain accountId sessionIds firstMessageTime lastMessageTime requestCount messageCount"
    " totalTokens costUsd branchCount subtaskBranchCount compactBranchCount userBranchCount modelsUsed"
    " latestRequestId latestModel latestContextTokens"
)
PLACE = "total limit offset hasMore"
BRANCH = "branchId kind parentRequestId requestCount totalTokens firstTime lastTime"
STATISTICS = (
    "totalRequests totalTokens totalInputTokens totalOutputTokens totalCacheCreationTokens totalCacheReadTokens"
    " totalCostUsd averageResponseTime errorCount activeDomains requestsByModel requestsByType"
)
NAMES: list[tuple[str, list[str | int], str]] = [
    ("/api/requests", [], "requests pagination"),
    ("/api/requests", ["requests", 0], SUMMARY),
    ("/api/requests", ["pagination"], PLACE),
    ("/api/requests/{root}", [], WHOLE),
    ("/api/requests/{running}", [], WHOLE),
    ("/api/requests/{root}", ["evidence"], "rule detail"),
    ("/api/requests/{root}/chunks", ["chunks", 0], "index offsetMs data"),
    ("/api/conversations", [], "conversations pagination"),
    ("/api/conversations", ["conversations", 0], CONVERSATION),
    ("/api/conversations", ["pagination"], PLACE),
    ("/api/conversations/{told}", [], f"{CONVERSATION} requests branches"),
    ("/api/conversations/{told}", ["requests", 0], SUMMARY),
    ("/api/conversations/{told}", ["branches", 0], BRANCH),
    ("/api/stats", [], STATISTICS),
    ("/api/domains", [], "domains"),
    ("/api/domains", ["domains", 0], "domain requestCount"),
    ("/health", [], "status checks version"),
    ("/health/ready", ["checks", "database"], "status message"),
    ("/health/live", [], "status checks version"),
    ("/health/liveliness", [], "status checks version"),
]
ANSWERS = [
    ("/api/requests", "/api/requests", 200),
    ("/api/requests?limit=1", "/api/requests", 200),
    ("/api/requests?limit=x", "/api/requests", 400),
    ("/api/requests/{root}", "/api/requests/{id}", 200),
    ("/api/requests/{running}", "/api/requests/{id}", 200),
    ("/api/requests/{failed}", "/api/requests/{id}", 200),
    ("/api/requests/{counting}", "/api/requests/{id}", 200),
    ("/api/requests/{nobody}", "/api/requests/{id}", 404),
    ("/api/requests/nobody", "/api/requests/{id}", 400),
    ("/api/requests/{root}/chunks", "/api/requests/{id}/chunks", 200),
    ("/api/requests/{nobody}/chunks", "/api/requests/{id}/chunks", 404),
    ("/api/conversations", "/api/conversations", 200),
    ("/api/conversations/{told}", "/api/conversations/{id}", 200),
    ("/api/conversations/{open}", "/api/conversations/{id}", 200),
    ("/api/conversations/{nobody}", "/api/conversations/{id}", 404),
    ("/api/stats", "/api/stats", 200),
    ("/api/stats?since=9999-12-31", "/api/stats", 200),
    ("/api/domains", "/api/domains", 200),
    ("/health", "/health", 200),
    ("/health/live", "/health/live", 200),
]


@pytest.fixture
async def places(postgres_url: str) -> dict[str, str]:
    """What stands for the names in the paths above. The seeded history is moved to the last hour."""
    connection = await asyncpg.connect(postgres_url)
    s = await scene.play(connection)
    await connection.execute(
        "UPDATE exchanges SET started_at = started_at + (now() - (SELECT max(started_at) FROM exchanges))"
    )
    await connection.close()
    named = {name: getattr(s, name) for name in ("root", "running", "failed", "counting", "told", "open")}
    return {name: str(found) for name, found in {**named, "nobody": uuid4()}.items()}


async def test_the_names_of_the_contract(client: httpx2.AsyncClient, places: dict[str, str]) -> None:
    for path, way, names in NAMES:
        found: Any = (await client.get(path.format(**places))).json()
        for step in way:
            found = found[step]
        assert set(names.split()) <= set(found), (path, way)


async def test_answers_are_as_documented(client: httpx2.AsyncClient, places: dict[str, str]) -> None:
    document = (await client.get("/openapi.json")).json()
    for path, route, status in ANSWERS:
        answer = await client.get(path.format(**places))
        assert answer.status_code == status, path
        validate(document, route, status, answer.json())


async def test_refused_keys_are_as_documented(client: httpx2.AsyncClient) -> None:
    document = (await client.get("/openapi.json")).json()
    for key, status in (("", 401), ("wrong", 403)):
        answer = await client.get("/api/stats", headers={"X-Dashboard-Key": key})
        validate(document, "/api/stats", status, answer.json())


def validate(document: dict[str, Any], route: str, status: int, answer: Any) -> None:
    content = document["paths"][route]["get"]["responses"][str(status)]["content"]
    schema = content["application/json"]["schema"] | {"components": document["components"]}
    Draft202012Validator(schema).validate(answer)


async def test_the_schema_is_strict_enough_to_tell_a_wrong_answer(client: httpx2.AsyncClient) -> None:
    document = (await client.get("/openapi.json")).json()
    with pytest.raises(ValidationError, match="is a required property"):
        validate(document, "/api/stats", 200, {})
