"""The recorded traffic through the API: counts, tokens, names and links, as they truly were."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import httpx2
import pytest

from plait.common.ids import conversation_id
from tests.contract.api.conftest import Filled
from tests.recorded_history import Recorded

EVERYTHING = 128
CONVERSATIONS = 40
SCENARIOS: dict[str, tuple[int, int, int, int, int, int, float]] = {
    # exchanges, conversations, and of all of them: input, output, read from the cache, written to it, dollars
    "compact_auto": (7, 1, 84, 291, 143974, 31221, 0.1910558),
    "compact_manual": (6, 1, 72, 497, 51266, 27966, 0.1603112),
    "deferred_and_aux": (5, 1, 281, 138, 39067, 14128, 0.0823374),
    "err_400": (6, 1, 0, 0, 0, 0, 0.0),
    "err_429_retry_after": (3, 1, 12, 12, 0, 12555, 0.063063),
    "err_529_twice": (3, 1, 12, 12, 0, 12555, 0.063063),
    "err_sse_error_event": (2, 1, 24, 13, 12555, 12555, 0.065642),
    "err_stream_cut_text": (2, 1, 24, 13, 12555, 12555, 0.065642),
    "extra_fields": (3, 1, 36, 182, 25293, 12784, 0.0727626),
    "fork": (8, 1, 96, 685, 89502, 13147, 0.0977194),
    "interactive_start": (7, 1, 1089, 344, 41798, 50769, 0.1777915),
    "kill_mid_stream": (4, 2, 48, 24, 37671, 12796, 0.0721862),
    "oneshot": (1, 1, 12, 12, 0, 12555, 0.063063),
    "resume": (4, 1, 48, 348, 38093, 12927, 0.0794056),
    "sdk_raw": (25, 16, 682, 519, 268, 231, 0.0071583),
    "subagent_nested": (5, 1, 60, 148, 20885, 30320, 0.158977),
    "subagent_one": (4, 1, 48, 260, 20892, 21951, 0.1193254),
    "subagent_two_parallel": (6, 1, 72, 429, 27598, 29026, 0.1595176),
    "tool_loop": (4, 1, 48, 377, 38234, 13066, 0.0807088),
    "tool_loop_hints": (4, 1, 48, 377, 38234, 13066, 0.0807088),
    "tool_loop_sonnet45": (8, 1, 96, 754, 158860, 23527, 0.14748225),
    "two_sessions": (6, 2, 72, 116, 63089, 12683, 0.0786408),
    "workflow": (5, 1, 60, 144, 32493, 20511, 0.1121736),
}
TREES: dict[str, tuple[str, int, list[str], int]] = {
    # title, messages, branches in the order in which they were opened, exchanges of the conversation
    "compact_auto": ("Do the steps one by one.", 11, ["main", "compact_083749"], 7),
    "fork": (
        "Please read the README.",
        11,
        ["main", "branch_20261121083737", "branch_20261121083738", "branch_20261121083739"],
        8,
    ),
    "subagent_nested": ("Use nested agents.", 6, ["main", "subtask_1", "subtask_2"], 5),
    "interactive_start": ("Reading the README", 9, ["main"], 6),
    "workflow": ("Use a workflow to look at both files.", 7, ["main", "subtask_1", "subtask_2"], 5),
}


async def get(client: httpx2.AsyncClient, path: str) -> Any:
    answer = await client.get(path)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_counts_tokens_and_cost(recorded: httpx2.AsyncClient, filled: Filled) -> None:
    whole = await get(recorded, "/api/requests?limit=1000")
    assert whole["pagination"]["total"] == len(whole["requests"]) == EVERYTHING
    for scenario, (exchanges, conversations, *figures) in SCENARIOS.items():
        rows = (await get(recorded, f"/api/requests?domain={scenario}.test"))["requests"]
        assert len(rows) == exchanges, scenario
        names = ("inputTokens", "outputTokens", "cacheReadInputTokens", "cacheCreationInputTokens", "costUsd")
        sums = [sum(row[name] or 0 for row in rows) for name in names]
        assert sums == pytest.approx(figures, abs=1e-12), scenario
        assert {row["totalTokens"] for row in rows} == {sum(row[name] for name in names[:4]) for row in rows}
        found = (await get(recorded, f"/api/conversations?domain={scenario}.test"))["conversations"]
        assert len(found) == conversations, scenario
        assert sum(one["requestCount"] for one in found) == sum(row["conversationId"] is not None for row in rows)


FIGURES = {
    "inputTokens": "input_tokens",
    "outputTokens": "output_tokens",
    "cacheReadInputTokens": "cache_read_input_tokens",
    "cacheCreationInputTokens": "cache_creation_input_tokens",
}


def reported(one: Recorded) -> Counter[str]:
    """Tokens as the recorded stream itself tells them, read in the plainest way there is."""
    seen: dict[str, int] = {}
    for line in one.recording.answer_body.decode().split("\n"):
        event = json.loads(line.removeprefix("data:")) if line.startswith("data:") else {}
        usage = event.get("usage") or event.get("message", {}).get("usage") or {}
        seen |= {name: count for name, count in usage.items() if isinstance(count, int)}
    return Counter(seen)


async def test_tokens_are_those_of_the_streams(recorded: httpx2.AsyncClient, filled: Filled) -> None:
    rows = {row["requestId"]: row for row in (await get(recorded, "/api/requests?limit=1000"))["requests"]}
    streamed = [one for found in filled.history.values() for one in found.values() if one.recording.streamed]
    assert len(streamed) > 90
    for one in streamed:
        row, told = rows[str(one.id)], reported(one)
        figures = (
            row["inputTokens"],
            row["outputTokens"],
            row["cacheReadInputTokens"],
            row["cacheCreationInputTokens"],
        )
        names = ("input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
        assert figures == tuple(told[name] for name in names), one.recording.name


async def test_links(recorded: httpx2.AsyncClient, filled: Filled) -> None:
    rows = {row["requestId"]: row for row in (await get(recorded, "/api/requests?limit=1000"))["requests"]}
    compared = 0
    for found in filled.history.values():
        for one in found.values():
            truth, row = one.recording.truth, rows[str(one.id)]
            parent = truth["parent_seq"] and str(found[truth["parent_seq"]].id)
            if truth["link"] == "aux":
                assert (row["parentRequestId"], row["linkKind"]) == (None, None), one.recording.name
                assert parent in (None, row["servesRequestId"]), one.recording.name
            else:
                assert row["parentRequestId"] == parent, one.recording.name
                assert row["sessionId"] == truth["session_id"], one.recording.name
                assert row["agentId"] == truth["agent_id"], one.recording.name
                assert (row["retryOf"] is not None) == (truth["retry_of"] is not None), one.recording.name
                compared += 1
    assert compared == 122


async def test_trees(recorded: httpx2.AsyncClient, filled: Filled) -> None:
    for scenario, (title, messages, branches, exchanges) in TREES.items():
        root = next(one for one in filled.history[scenario].values() if one.recording.truth["link"] == "root")
        found = await get(recorded, f"/api/conversations/{conversation_id(root.id)}")
        assert (found["title"], found["messageCount"], found["requestCount"]) == (title, messages, exchanges), scenario
        assert [branch["branchId"] for branch in found["branches"]] == branches
        assert found["branchCount"] == len(branches)
        assert found["rootRequestId"] == str(root.id)
        assert sum(one["totalTokens"] for one in found["requests"]) == found["totalTokens"]
        assert sum(one["costUsd"] for one in found["requests"]) == pytest.approx(found["costUsd"])


async def test_every_conversation_is_listed_once(recorded: httpx2.AsyncClient) -> None:
    found = await get(recorded, "/api/conversations?limit=1000")
    assert len({one["conversationId"] for one in found["conversations"]}) == CONVERSATIONS
    assert found["pagination"]["total"] == CONVERSATIONS


async def test_one_exchange_whole(recorded: httpx2.AsyncClient, filled: Filled) -> None:
    history = filled.history["subagent_one"]
    one = await get(recorded, f"/api/requests/{history[3].id}")
    told = {name: one[name] for name in EXCHANGE}
    assert told == EXCHANGE
    assert one["parentRequestId"] == str(history[2].id)
    assert one["parentTaskRequestId"] == str(history[1].id)
    assert one["requestBody"] == json.loads(history[3].recording.body or b"")
    assert one["usageData"]["cache_read_input_tokens"] == 8333


EXCHANGE = {
    "domain": "subagent_one.test",
    "agentId": "a898a6bed9ca85955",
    "kind": "subagent",
    "model": "claude-opus-5-5",
    "timestamp": "2026-11-21T08:37:19.758404Z",
    "status": 200,
    "outcome": "complete",
    "inputTokens": 12,
    "outputTokens": 16,
    "cacheReadInputTokens": 8333,
    "cacheCreationInputTokens": 689,
    "totalTokens": 9050,
    "costUsd": 0.0054796,
    "messageCount": 5,
    "toolCallCount": 0,
    "branchId": "subtask_1",
    "linkKind": "continue",
    "isSubtask": True,
    "preview": "Bash ls",
    "evidence": {"rule": "match", "detail": {"messages": 2}},
    "error": None,
}
