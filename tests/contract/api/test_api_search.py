"""`/api/search` over the recorded traffic: everything is found once, where it was first said."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import httpx2
import pytest

from plait.common.ids import conversation_id
from tests.contract.api.conftest import Filled

FIELDS = ["requestId", "conversationId", "messageIndex", "role", "snippet", "timestamp", "rank"]
ONCE: list[tuple[str, str, list[tuple[int, int, str]]]] = [
    # scenario, query, and the hits: number of the exchange, message, who said it
    ("fork", '"trunk" -answer', [(3, 5, "user"), (8, 7, "user")]),
    ("fork", "rewound", [(7, 5, "user"), (7, 6, "assistant")]),
    ("fork", "small demo lines", [(2, 3, "user")]),
    ("fork", "README.md", [(1, 2, "assistant")]),
    ("subagent_one", '"count the files in the project"', [(1, 2, "assistant")]),
    ("subagent_one", "app.py", [(3, 3, "user"), (3, 5, "assistant")]),
    ("subagent_one", "hand-back report", [(4, 3, "user")]),
    ("subagent_nested", "nested agents", [(1, 0, "user")]),
    ("compact_manual", "summarise one word", [(3, 5, "user"), (3, 6, "assistant")]),
    ("compact_manual", '"what did we do so far"', [(5, 4, "user"), (5, 6, "assistant")]),
    ("err_529_twice", "2+2", [(1, 0, "user")]),
    ("two_sessions", "zebra", []),
]
REFUSED = [
    ("", "q: "),
    ("q=", "q: "),
    ("q=%25_%5C", "q: names nothing to look for"),
    ("q=-readme", "q: names only what is not to be there"),
    ("q=" + "+".join(["word"] * 33), "q: more than 32 words"),
    ("q=" + "+".join(["word"] * 10_000), "q: "),
    ("q=a%00b", "q: a NUL character is in it"),
    ("q=a&limit=101", "limit: "),
    ("q=a&cursor=w.x.0", "cursor: not the nextCursor of a search"),
    ("q=a&cursor=w.99999999999999.0", "cursor: not the nextCursor of a search"),
    ("q=a&cursor=" + "9" * 5000, "cursor: "),
    ("q=a&q=b", "q: given more than once"),
    ("q=a&offset=1", "offset: no such parameter"),
    ("q=a&kind=nothing", "kind: "),
]
STRANGE = ['"', '""" readme', "-- readme --", "' OR 1=1 --", "%readme%", "a" * 1000, "🙂🙂🙂", "日本語の検索",
           "*" * 500 + "x", "(?:a+)+$"]  # fmt: skip


async def get(client: httpx2.AsyncClient, line: str, **given: Any) -> Any:
    answer = await client.get("/api/search", params={"q": line, **given})
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.mark.parametrize(("scenario", "line", "hits"), ONCE)
async def test_what_was_said_is_found_once(
    recorded: httpx2.AsyncClient, filled: Filled, scenario: str, line: str, hits: list[tuple[int, int, str]]
) -> None:
    found = await get(recorded, line, domain=f"{scenario}.test")
    numbers = {str(one.id): number for number, one in filled.history[scenario].items()}
    told = sorted((numbers[hit["requestId"]], hit["messageIndex"], hit["role"]) for hit in found["results"])
    assert told == hits
    assert found["nextCursor"] is None


async def test_a_hit_in_full(recorded: httpx2.AsyncClient, filled: Filled) -> None:
    found = await get(recorded, "rewound -answer")
    (hit,) = found["results"]
    exchange = filled.history["fork"][7]
    assert list(hit) == FIELDS
    assert 0 < hit.pop("rank") <= 1
    assert hit == {
        "requestId": str(exchange.id),
        "conversationId": str(conversation_id(filled.history["fork"][1].id)),
        "messageIndex": 5,
        "role": "user",
        "snippet": "Same session, rewound to turn one.",
        "timestamp": (await recorded.get(f"/api/requests/{exchange.id}")).json()["timestamp"],
    }


async def test_filters_combine(recorded: httpx2.AsyncClient, filled: Filled) -> None:
    fork = filled.history["fork"]
    whole = str(conversation_id(fork[1].id))
    session = (await recorded.get(f"/api/requests/{fork[7].id}")).json()["sessionId"]
    moment = (await recorded.get(f"/api/requests/{fork[7].id}")).json()["timestamp"]
    counts = {
        "all": len((await get(recorded, "question", conversationId=whole))["results"]),
        "session": len((await get(recorded, "question", conversationId=whole, sessionId=session))["results"]),
        "since": len((await get(recorded, "question", conversationId=whole, since=moment))["results"]),
        "until": len((await get(recorded, "question", conversationId=whole, until=moment))["results"]),
        "elsewhere": len((await get(recorded, "question", conversationId=whole, domain="resume.test"))["results"]),
        "failed": len((await get(recorded, "question", conversationId=whole, status="failed"))["results"]),
        "kind": len((await get(recorded, "question", conversationId=whole, kind="inference"))["results"]),
    }
    assert counts == {"all": 10, "session": 4, "since": 2, "until": 8, "elsewhere": 0, "failed": 0, "kind": 10}


async def test_pages_give_each_hit_once(recorded: httpx2.AsyncClient) -> None:
    whole = (await get(recorded, "readme", limit=100))["results"]
    paged: list[Any] = []
    given: dict[str, Any] = {}
    while True:
        page = await get(recorded, "readme", limit=3, **given)
        paged += page["results"]
        if page["nextCursor"] is None:
            break
        given = {"cursor": page["nextCursor"]}
    assert len(whole) > 10
    assert paged == whole


@pytest.mark.parametrize(("given", "says"), REFUSED)
async def test_what_cannot_be_meant_is_refused_by_its_name(recorded: httpx2.AsyncClient, given: str, says: str) -> None:
    answer = await recorded.get(f"/api/search?{given}")
    assert answer.status_code == 400
    assert answer.json()["error"]["message"].startswith(says)


@pytest.mark.parametrize("cursor", ["w.9999999999999.9999", "b.0.0", "b.1.0", "w.1.7"])
async def test_a_cursor_beyond_everything_finds_what_is_there(recorded: httpx2.AsyncClient, cursor: str) -> None:
    assert "results" in await get(recorded, "readme", cursor=cursor)


@pytest.mark.parametrize("line", STRANGE)
async def test_strange_lines_find_or_are_refused(recorded: httpx2.AsyncClient, line: str) -> None:
    answer = await recorded.get(f"/api/search?q={quote(line)}")
    assert answer.status_code in (200, 400), answer.text
    assert ("results" if answer.status_code == 200 else "error") in answer.json()
