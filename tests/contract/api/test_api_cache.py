"""`GET /api/analytics/cache` and `cache` of a request, on the recorded history."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from tests.contract.api.conftest import KEY

ROUTE = "/api/analytics/cache?since=2026-11-01"
MISSED = {"compact_auto.test": (2, 27383, 0.1314144), "compact_manual.test": (1, 13185, 0.063276)}


async def get(client: httpx2.AsyncClient, target: str) -> Any:
    answer = await client.get(target, headers=KEY)
    assert answer.status_code == 200, answer.text
    return answer.json()


def figures(row: dict[str, Any]) -> tuple[int, int, float]:
    return row["misses"], row["missedTokens"], row["costUsd"]


async def test_sums_by_cause_and_by_domain(recorded: httpx2.AsyncClient) -> None:
    found = await get(recorded, f"{ROUTE}&group_by=domain")
    assert {row["key"]: figures(row) for row in found["groups"]} == MISSED
    assert [(row["key"], *figures(row)) for row in found["causes"]] == [("compaction", 3, 40568, 0.1946904)]
    assert figures(found["totals"]) == (3, 40568, 0.1946904)
    used = (await get(recorded, "/api/usage?group_by=model&since=2026-11-01"))["usage"]
    assert found["totals"]["readTokens"] == sum(row["cacheReadInputTokens"] for row in used)


@pytest.mark.parametrize("key", ["day", "account", "model", "client", "session", "conversation"])
async def test_whatever_splits_them_they_are_the_same(recorded: httpx2.AsyncClient, key: str) -> None:
    found = await get(recorded, f"{ROUTE}&group_by={key}&tz=Europe/Berlin")
    assert sum(row["missedTokens"] for row in found["groups"]) == 40568


async def test_the_dearest_tell_all_of_themselves(recorded: httpx2.AsyncClient) -> None:
    found = (await get(recorded, f"{ROUTE}&limit=1"))["dearest"]
    assert [(one["domain"], one["cause"], one["missedTokens"]) for one in found] == [
        ("compact_auto.test", "compaction", 14498)
    ]
    whole = await get(recorded, f"/api/requests/{found[0]['requestId']}")
    assert whole["cache"] == {name: found[0][name] for name in whole["cache"]}
    assert whole["cacheReadInputTokens"] == whole["cache"]["readTokens"]


async def test_filters_combine(recorded: httpx2.AsyncClient) -> None:
    (miss,) = (await get(recorded, f"{ROUTE}&domain=compact_manual.test"))["dearest"]
    for given in (
        f"conversationId={miss['conversationId']}", f"sessionId={miss['sessionId']}", f"client={miss['client']}",
        f"model={miss['model']}",
    ):  # fmt: skip
        found = await get(recorded, f"{ROUTE}&domain=compact_manual.test&{given}")
        assert [one["requestId"] for one in found["dearest"]] == [miss["requestId"]], given
    nothing = await get(recorded, f"{ROUTE}&conversationId={miss['conversationId']}&client=nobody")
    assert (nothing["causes"], nothing["totals"]["misses"], nothing["totals"]["readTokens"]) == ([], 0, 0)


async def test_a_conversation_tells_its_prompts(recorded: httpx2.AsyncClient) -> None:
    (miss,) = (await get(recorded, f"{ROUTE}&domain=compact_manual.test"))["dearest"]
    found = await get(recorded, f"{ROUTE}&conversationId={miss['conversationId']}")
    turns = (await get(recorded, f"/api/conversations/{miss['conversationId']}"))["requests"]
    assert found["totals"]["readTokens"] == sum(turn["cacheReadInputTokens"] or 0 for turn in turns)


async def test_wrong_parameters_are_named(recorded: httpx2.AsyncClient) -> None:
    for given in ("group_by=cause", "limit=0", "conversationId=x", "since=yesterday", "causes=model"):
        answer = await recorded.get(f"/api/analytics/cache?{given}", headers=KEY)
        assert answer.status_code == 400
        assert answer.json()["error"]["message"].startswith(given.partition("=")[0])
