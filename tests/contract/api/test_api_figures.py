"""Every route that tells figures, on the recorded traffic, with what they truly are.

All of it began on 2026-11-21 between 08:37 and 08:47; the clock stands at 12:07:30.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import httpx2
import pytest

from plait.api import clock
from plait.api.app import create_app
from plait.api.database import Database
from plait.common.settings import LimitSettings
from tests.contract.api.conftest import KEY, Filled
from tests.contract.api.test_api_recorded_lists import SCENARIOS

NOW = datetime(2026, 11, 21, 12, 7, 30, tzinfo=UTC)
LIMITS = LimitSettings(account_token_limits={"*": 10_000})
DAY = "2026-11-21"
COUNTERS = [
    "requests",
    "failedRequests",
    "inputTokens",
    "outputTokens",
    "cacheReadInputTokens",
    "cacheCreation5mInputTokens",
    "toolCalls",
    "costUsd",
]
TOTAL = [128, 15, 3024, 5695, 892327, 402894, 42, 2.19873525]
NOTHING = [0, 0, 0, 0, 0, 0, 0, 0.0]
MODELS = {
    "claude-opus-5-5": [92, 12, 1205, 4395, 733199, 342660, 32, 1.9526598],
    "claude-sonnet-4-5": [8, 0, 96, 754, 158860, 23527, 8, 0.14748225],
    "claude-sonnet-5": [1, 0, 12, 11, 0, 36476, 0, 0.091324],
    "claude-sonnet-5-5": [24, 3, 682, 519, 268, 231, 2, 0.0071583],
    "claude-haiku-5-5": [1, 0, 1029, 16, 0, 0, 0, 0.0001109],
    None: [2, 0, 0, 0, 0, 0, 0, 0.0],
}
KINDS = {
    "inference": (109, 1148319), "subagent": (11, 88479), "auxiliary": (3, 37809), "compaction": (2, 29333),
    "models": (1, 0), "probe": (1, 0), "count_tokens": (1, 0),
}  # fmt: skip
AGENTS = {None: (117, 1215461), "subagent": (6, 48654), "general-purpose": (3, 25921), "workflow-subagent": (2, 13904)}
TOOLS = {
    "Bash": 16, "Read": 11, "Agent": 5, "Write": 4, "get_weather": 2, "Skill": 1, "ToolSearch": 1, "WebSearch": 1,
    "Workflow": 1,
}  # fmt: skip
REFUSED = [
    ("/api/usage?group_by=colour", "group_by"),
    ("/api/usage?groupBy=day", "groupBy"),
    ("/api/usage?tz=Berlin", "tz"),
    ("/api/usage?tz=../../etc/passwd", "tz"),
    ("/api/usage?since=yesterday", "since"),
    ("/api/usage?since=2026-11-21&until=2026-11-20", "until"),
    ("/api/usage?until=9999-12-31", "until"),
    ("/api/usage?group_by=hour&since=0001-01-01", "since"),
    ("/api/usage?since=0001-01-01&tz=Asia/Tokyo", "since"),
    ("/api/usage?since=2099-01-01", "since"),
    ("/api/usage?until=0001-01-05", "until"),
    ("/api/tools?until=0001-01-01", "until"),
    ("/api/usage/windows?until=0001-01-01", "until"),
    ("/api/usage?tz=Etc/GMT-14&since=0001-01-01T00:00", "since"),
    ("/api/usage?group_by=session&limit=5000", "limit"),
    ("/api/usage?kind=talk", "kind"),
    ("/api/usage?domain=a&domain=b", "domain"),
    ("/api/usage/requests/hourly?days=31", "days"),
    ("/api/usage/tokens/hourly?days=0", "days"),
    ("/api/usage/windows?until=x", "until"),
    ("/api/tools?conversationId=1", "conversationId"),
    ("/api/rate-limits?domain=a", "domain"),
    ("/api/token-usage/current?window=0", "window"),
    ("/api/token-usage/daily?days=367", "days"),
    ("/api/token-usage/daily?aggregate=perhaps", "aggregate"),
    ("/api/token-usage/time-series?window=168&interval=1", "interval"),
    ("/api/token-usage/accounts?window=5", "window"),
    ("/api/analytics/token-usage/sliding-window?days=90&bucketMinutes=5", "bucketMinutes"),
    ("/token-stats?account=a", "account"),
]


FAR = [
    "/api/usage?group_by=model&since=", "/api/usage?group_by=session&since=", "/api/usage?group_by=tool&since=",
    "/api/tools?since=", "/api/usage/windows?since=", "/api/stats?since=",
]  # fmt: skip


@pytest.fixture
async def api(filled: Filled) -> AsyncIterator[httpx2.AsyncClient]:
    """The API on the recorded history, with a clock that stands."""
    database = Database(filled.url)
    app = create_app(database, "key", limits=LIMITS)
    app.dependency_overrides[clock.now] = lambda: NOW
    transport = httpx2.ASGITransport(app=app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://api.test", headers=KEY) as client:
        yield client
    await database.close()


async def get(client: httpx2.AsyncClient, path: str) -> Any:
    answer = await client.get(path)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def usage(client: httpx2.AsyncClient, query: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await get(client, f"/api/usage?{query}"))["usage"]
    return found


def counters(row: dict[str, Any]) -> list[float]:
    assert row["totalTokens"] == sum(
        row[f"{name}Tokens"] for name in ("input", "output", "cacheReadInput", "cacheCreationInput")
    )
    return [row[name] for name in COUNTERS]


async def test_statistics(api: httpx2.AsyncClient) -> None:
    found = await get(api, "/api/stats")
    assert found.pop("requestsByModel") == {name: row[0] for name, row in MODELS.items() if name}
    assert found == {
        "totalRequests": 128, "unplacedRequests": 3, "totalTokens": 1303940, "totalInputTokens": 3024,
        "totalOutputTokens": 5695, "totalCacheCreationTokens": 402894, "totalCacheReadTokens": 892327,
        "totalCostUsd": 2.19873525, "averageResponseTime": found["averageResponseTime"], "errorCount": 15,
        "activeDomains": len(SCENARIOS), "requestsByType": {"inference": 102, "query_evaluation": 24},
    }  # fmt: skip
    assert (await get(api, "/api/stats?domain=fork.test"))["totalCostUsd"] == 0.0977194
    assert (await get(api, "/api/stats?since=2026-11-21T09:00:00Z"))["totalRequests"] == 0


async def test_domains(api: httpx2.AsyncClient) -> None:
    domains = (await get(api, "/api/domains"))["domains"]
    counts = {f"{name}.test": row[0] for name, row in SCENARIOS.items()}
    assert {one["domain"]: one["requestCount"] for one in domains} == counts
    assert [one["requestCount"] for one in domains] == sorted(counts.values(), reverse=True)


async def test_usage_by_day_and_hour(api: httpx2.AsyncClient) -> None:
    days = await usage(api, "since=2026-11-20")
    assert [(row["key"], row["day"], row["start"]) for row in days] == [
        (day, day, f"{day}T00:00:00Z") for day in ("2026-11-20", DAY)
    ]
    assert list(map(counters, days)) == [NOTHING, TOTAL]
    assert len(await usage(api, "group_by=day")) == 30
    hours = await usage(api, "group_by=hour&since=2026-11-21T13:00&until=2026-11-21T16:00&tz=Asia/Kolkata")
    assert [row["hour"] for row in hours] == [f"2026-11-21T{hour}:00:00+05:30" for hour in (13, 14, 15)]
    assert [counters(row)[0] for row in hours] == [0, 128, 0]


async def test_usage_by_day_in_zones(api: httpx2.AsyncClient) -> None:
    for zone, since, start in (
        ("Asia/Tokyo", DAY, "2026-11-20T15:00:00Z"),
        ("America/Los_Angeles", DAY, "2026-11-21T08:00:00Z"),
        ("Pacific/Chatham", DAY, "2026-11-20T10:15:00Z"),
    ):
        (row,) = await usage(api, f"since={since}&until={since}&tz={zone}")
        assert (row["key"], row["start"], counters(row)) == (DAY, start, TOTAL), zone


async def test_a_span_that_cuts_slots(api: httpx2.AsyncClient, filled: Filled) -> None:
    began = sorted(
        (one.recording.started, one.domain) for scenario in filled.history.values() for one in scenario.values()
    )
    for since, until in ((3, 90), (0, 128), (64, 65), (100, 100)):
        first, end = (datetime.fromtimestamp(began[n][0] if n < 128 else began[-1][0] + 1, UTC) for n in (since, until))
        if first == end:
            continue
        rows = await usage(api, f"group_by=domain&since={first:%FT%T.%fZ}&until={end:%FT%T.%fZ}")
        expected = [domain for at, domain in began if first <= datetime.fromtimestamp(at, UTC) < end]
        assert {row["key"]: row["requests"] for row in rows} == {name: expected.count(name) for name in expected}


async def test_usage_by_model(api: httpx2.AsyncClient) -> None:
    rows = await usage(api, "group_by=model")
    assert {row["key"]: counters(row) for row in rows} == {k: pytest.approx(v, abs=1e-12) for k, v in MODELS.items()}
    assert [row["costUsd"] for row in rows] == sorted((row["costUsd"] for row in rows), reverse=True)
    assert all(row["key"] == row["model"] for row in rows)
    (row,) = await usage(api, "group_by=kind&model=claude-haiku-5-5")
    assert (row["kind"], counters(row)) == ("auxiliary", MODELS["claude-haiku-5-5"])


async def test_usage_by_domain(api: httpx2.AsyncClient) -> None:
    rows = {row["domain"]: row for row in await usage(api, "group_by=domain")}
    assert rows.keys() == {f"{name}.test" for name in SCENARIOS}
    for name, (requests, _, *tokens, cost) in SCENARIOS.items():
        found = counters(rows[f"{name}.test"])
        assert [found[0], *found[2:6]] == [requests, *tokens], name
        assert found[-1] == pytest.approx(cost, abs=1e-12), name


@pytest.mark.parametrize(("key", "expected"), [("kind", KINDS), ("agent", AGENTS)])
async def test_usage_by_kind_and_agent(
    api: httpx2.AsyncClient, key: str, expected: dict[str | None, tuple[int, int]]
) -> None:
    rows = await usage(api, f"group_by={key}")
    assert {row["key"]: (row["requests"], row["totalTokens"]) for row in rows} == expected


@pytest.mark.parametrize("key", ["account", "key", "tag"])
async def test_usage_by_what_none_has(api: httpx2.AsyncClient, key: str) -> None:
    (row,) = await usage(api, f"group_by={key}")
    assert (row["key"], counters(row)) == (None, TOTAL)


async def test_usage_by_session(api: httpx2.AsyncClient, filled: Filled) -> None:
    rows = await usage(api, "group_by=session&limit=2")
    assert [row["sessionId"][:8] for row in rows] == ["ec4b45ed", "d7bfa460"]
    assert counters(rows[0]) == [6, 0, 1089, 344, 41798, 50769, 2, 0.1777915]
    every = await usage(api, "group_by=session&limit=200")
    assert sum(row["requests"] for row in every) == 102
    assert len({row["key"] for row in every}) == len(every)


async def test_usage_by_tool_and_tools(api: httpx2.AsyncClient) -> None:
    rows = await usage(api, "group_by=tool")
    assert {row["tool"]: row["requests"] for row in rows} == TOOLS
    assert {row["costUsd"] for row in rows} == {None}
    tools = (await get(api, "/api/tools"))["tools"]
    assert {one["tool"]: one["calls"] for one in tools} == TOOLS
    assert tools[0] == {
        "tool": "Bash", "calls": 16, "results": 16, "errors": 5, "errorRate": 0.3125, "averageMs": 457.9,
        "linesAdded": 0, "linesRemoved": 0,
    }  # fmt: skip
    assert {one["tool"]: one["linesAdded"] for one in tools if one["linesAdded"]} == {"Write": 8}
    assert rows[0]["failedRequests"] == 5
    (read,) = (await get(api, "/api/tools?domain=fork.test"))["tools"]
    assert (read["tool"], read["calls"]) == ("Read", 1)
    conversation = (await get(api, "/api/conversations?domain=fork.test"))["conversations"][0]["conversationId"]
    assert (await get(api, f"/api/tools?conversationId={conversation}"))["tools"] == [read]


async def test_current(api: httpx2.AsyncClient) -> None:
    assert await get(api, "/api/token-usage/current") == {
        "accountId": None, "domain": None, "model": None, "windowStart": "2026-11-21T07:07:30Z",
        "windowEnd": "2026-11-21T12:07:30Z", "totalInputTokens": 3024, "totalOutputTokens": 5695,
        "totalTokens": 1303940, "totalRequests": 128, "cacheCreationInputTokens": 402894,
        "cacheReadInputTokens": 892327, "costUsd": 2.19873525,
    }  # fmt: skip
    assert (await get(api, "/api/token-usage/current?window=60"))["totalRequests"] == 0
    assert (await get(api, "/api/token-usage/current?model=claude-haiku-5-5"))["totalInputTokens"] == 1029


async def test_daily(api: httpx2.AsyncClient) -> None:
    (fork,) = (await get(api, "/api/token-usage/daily?domain=fork.test"))["usage"]
    assert fork == {
        "date": DAY, "accountId": None, "domain": "fork.test", "model": "claude-opus-5-5", "totalInputTokens": 96,
        "totalOutputTokens": 685, "totalTokens": 103430, "totalRequests": 8, "cacheCreationInputTokens": 13147,
        "cacheReadInputTokens": 89502, "costUsd": 0.0977194,
    }  # fmt: skip
    every = (await get(api, "/api/token-usage/daily"))["usage"]
    assert sum(row["totalRequests"] for row in every) == 128
    whole = (await get(api, "/api/token-usage/daily?aggregate=true"))["usage"]
    assert [row["date"] for row in whole][-2:] == ["2026-11-20", DAY]
    assert (len(whole), whole[-1]["costUsd"], whole[-2]["totalTokens"]) == (30, 2.19873525, 0)


async def test_time_series(api: httpx2.AsyncClient) -> None:
    found = await get(api, "/api/token-usage/time-series?domain=fork.test")
    series = found.pop("timeSeries")
    assert found == {"accountId": None, "windowHours": 5, "intervalMinutes": 5, "tokenLimit": 10_000}
    assert [(point["time"], point["outputTokens"]) for point in series if point["outputTokens"]] == [
        ("2026-11-21T08:35:00Z", 685)
    ]
    assert (len(series), series[0]["time"], series[-1]["time"]) == (60, "2026-11-21T07:10:00Z", "2026-11-21T12:05:00Z")
    assert series[-1] == {
        "time": "2026-11-21T12:05:00Z", "outputTokens": 0, "cumulativeUsage": 685, "remaining": 9315,
        "percentageUsed": 6.85,
    }  # fmt: skip
    hourly = (await get(api, "/api/token-usage/time-series?domain=fork.test&interval=60"))["timeSeries"]
    assert [point["cumulativeUsage"] for point in hourly] == [685] * 5


async def test_accounts(api: httpx2.AsyncClient) -> None:
    found = await get(api, "/api/token-usage/accounts")
    (account,) = found["accounts"]
    domains, series = account.pop("domains"), account.pop("miniSeries")
    assert account == {
        "accountId": None, "outputTokens": 5695, "inputTokens": 3024, "requestCount": 128,
        "lastRequestTime": "2026-11-21T08:46:37.282682Z", "remainingTokens": 4305, "percentageUsed": 56.95,
    }  # fmt: skip
    assert found["tokenLimit"] == 10_000
    assert {one["domain"]: one["requests"] for one in domains} == {f"{n}.test": row[0] for n, row in SCENARIOS.items()}
    assert domains[0] == {"domain": "tool_loop_sonnet45.test", "outputTokens": 754, "requests": 8}
    assert sum(point["outputTokens"] for point in series) == 5695
    assert (len(series), series[-1]["remaining"]) == (20, 4305)


async def test_hourly(api: httpx2.AsyncClient) -> None:
    hour = "2026-11-21T08:00:00Z"
    requests = (await get(api, "/api/usage/requests/hourly"))["data"]
    assert requests == {f"{name}.test": [{"hour": hour, "count": row[0]}] for name, row in SCENARIOS.items()}
    tokens = (await get(api, "/api/usage/tokens/hourly?domain=fork.test&days=1"))["data"]
    assert tokens == {"fork.test": [{"hour": hour, "count": 103430}]}


async def test_rate_limits(api: httpx2.AsyncClient) -> None:
    limits = [one for one in (await get(api, "/api/rate-limits"))["limits"] if one["domain"] == "compact_auto.test"]
    names = ("limit", "remaining", "reset")
    assert {one["name"]: one["value"] for one in limits} == dict(
        zip(
            [f"anthropic-ratelimit-{what}-{name}" for what in ("requests", "tokens") for name in names],
            ["4000", "3999", "2030-01-01T00:00:00Z", "480000", "479000", "2030-01-01T00:00:00Z"],
            strict=True,
        )
    )
    assert (await get(api, "/api/rate-limits?accountId=nobody"))["limits"] == []


async def test_token_statistics(api: httpx2.AsyncClient) -> None:
    assert await get(api, "/token-stats?domain=fork.test") == {
        "fork.test": {
            "inputTokens": 96, "outputTokens": 685, "requestCount": 8, "queryEvaluationCount": 0, "inferenceCount": 8,
            "toolCallCount": 1, "lastUpdated": "2026-11-21T08:37:39.824096Z",
        }
    }  # fmt: skip
    every = await get(api, "/token-stats")
    assert {name: one["requestCount"] for name, one in every.items()} == {
        f"{name}.test": row[0] for name, row in SCENARIOS.items()
    }


async def test_windows(api: httpx2.AsyncClient) -> None:
    found = await get(api, "/api/usage/windows?domain=fork.test")
    assert found == {
        "accountId": None, "domain": "fork.test", "tokenLimit": 10_000, "providerWindows": [],
        "windows": [
            {
                "start": "2026-11-21T08:37:37.125840Z", "end": "2026-11-21T13:37:37.125840Z", "isOpen": True,
                "toldByProvider": False, "requests": 8, "inputTokens": 96, "outputTokens": 685,
                "cacheReadInputTokens": 89502, "cacheCreationInputTokens": 13147, "costUsd": 0.0977194,
                "remaining": 9315, "percentageUsed": 6.85, "fullAt": None,
            }
        ],
    }  # fmt: skip
    assert (await get(api, "/api/usage/windows"))["domain"] == "sdk_raw.test"


async def test_sliding_window(api: httpx2.AsyncClient) -> None:
    path = "/api/analytics/token-usage/sliding-window?days=1&bucketMinutes=60&domain=err_429_retry_after.test"
    found = await get(api, path)
    data = found.pop("data")
    assert found == {"accountId": None, "days": 1, "bucketMinutes": 60, "windowHours": 5}
    assert [(point["time"][11:13], point["totalTokens"]) for point in data if point["totalTokens"]] == [
        ("08", 12579), ("09", 12579), ("10", 12579), ("11", 12579), ("12", 12579)
    ]  # fmt: skip
    assert [point["time"][11:13] for point in data if point["limitWarning"]] == ["08"]
    assert len(data) == 24


@pytest.mark.parametrize(("path", "name"), REFUSED)
async def test_refused_by_name(api: httpx2.AsyncClient, path: str, name: str) -> None:
    answer = await api.get(path)
    assert answer.status_code == 400, answer.text
    assert answer.json()["error"]["message"].startswith(f"{name}: "), answer.text


@pytest.mark.parametrize("path", FAR)
async def test_from_the_ends_of_time(api: httpx2.AsyncClient, path: str) -> None:
    for moment in ("0001-01-01", "0001-01-01T00:07:00Z", "9999-12-31T23:59:59.999999Z"):
        await get(api, path + moment)
