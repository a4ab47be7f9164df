"""What query parameters mean, and that everything else is refused by name."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plait.api.app import create_app
from plait.api.database import Database
from plait.api.parameters import ConversationList, RequestList

KEY = {"X-Dashboard-Key": "key"}
ID = "019aa4b6-0000-7000-8000-000000000000"
NUL = "%00"

REFUSED = [
    ("/api/requests?limit=0", "limit"),
    ("/api/requests?limit=1001", "limit"),
    ("/api/requests?limit=-1", "limit"),
    ("/api/requests?limit=ten", "limit"),
    ("/api/requests?limit=", "limit"),
    ("/api/requests?limit=1e9", "limit"),
    ("/api/requests?limit=" + "9" * 5000, "limit"),
    ("/api/requests?limit=10&limit=10", "limit"),
    ("/api/requests?offset=-1", "offset"),
    ("/api/requests?offset=9223372036854775808", "offset"),
    ("/api/requests?cursor=", "cursor"),
    ("/api/requests?cursor=next", "cursor"),
    ("/api/requests?cursor=%00", "cursor"),
    ("/api/requests?cursor=" + "A" * 31 + "%2B", "cursor"),
    ("/api/requests?cursor=" + "f" * 32, "cursor"),
    ("/api/requests?offset=1&cursor=" + "A" * 32, "cursor"),
    ("/api/conversations?cursor=x", "cursor"),
    ("/api/requests?Limit=10", "Limit"),
    ("/api/requests?conversation_id=" + ID, "conversation_id"),
    ("/api/requests?conversationId=x", "conversationId"),
    ("/api/requests?domain=", "domain"),
    ("/api/requests?domain=" + "d" * 256, "domain"),
    (f"/api/requests?domain=a{NUL}b", "domain"),
    (f"/api/requests?sessionId={NUL}", "sessionId"),
    ("/api/requests?kind=main", "kind"),
    (f"/api/requests?model={NUL}", "model"),
    ("/api/requests?status=99", "status"),
    ("/api/requests?status=600", "status"),
    ("/api/requests?status=ok", "status"),
    ("/api/requests?since=yesterday", "since"),
    ("/api/requests?since=1700000000", "since"),
    ("/api/requests?since=0001-01-01T00:00:00%2B14:00", "since"),
    ("/api/requests?until=2026-13-01", "until"),
    ("/api/requests?until=", "until"),
    (f"/api/requests?q={NUL}", "q"),
    ("/api/requests?q=" + "x" * 501, "q"),
    ("/api/requests?q=a&q=b", "q"),
    ("/api/requests?order=id", "order"),
    ("/api/requests?" + quote("';DROP TABLE usage;--") + "=1", "';DROP TABLE usage;--"),
    ("/api/requests/1", "id"),
    (f"/api/requests/{ID}x", "id"),
    ("/api/requests/%00", "id"),
    (f"/api/requests/{ID}?full=1", "full"),
    (f"/api/requests/{ID}/chunks?limit=1", "limit"),
    ("/api/requests/x/chunks", "id"),
    ("/api/conversations?limit=0", "limit"),
    ("/api/conversations?since=2026-11-21", "since"),
    ("/api/conversations?dateFrom=x", "dateFrom"),
    ("/api/conversations?dateTo=2026-11-21&dateTo=2026-11-22", "dateTo"),
    (f"/api/conversations?accountId={NUL}", "accountId"),
    ("/api/conversations/x", "id"),
    (f"/api/conversations/{ID}?a=1", "a"),
    ("/api/stats?since=24h", "since"),
    ("/api/stats?limit=1", "limit"),
    ("/api/domains?days=7", "days"),
]


@pytest.mark.parametrize(("path", "name"), REFUSED)
async def test_refused_by_name(path: str, name: str) -> None:
    answer = await get(path)
    assert answer.status_code == 400, answer.text
    error = answer.json()["error"]
    assert error["type"] == "invalid_request_error"
    assert error["message"].startswith(f"{name}: ")


async def test_every_fault_is_told_at_once() -> None:
    message = (await get("/api/requests?limit=0&since=x&bad=1")).json()["error"]["message"]
    assert {part.split(":")[0] for part in message.split("; ")} == {"limit", "since", "bad"}


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("/api/requests/nope", "id: must be a UUID, not 'nope'"),
        ("/api/requests?conversationId=nope", "conversationId: must be a UUID, not 'nope'"),
        ("/api/requests?limit=many", "limit: must be a whole number, not 'many'"),
        ("/api/requests?limit=0", "limit: must be greater than or equal to 1"),
        (f"/api/conversations/{'x' * 500}", f"id: must be a UUID, not '{'x' * 80}'"),
    ],
)
async def test_what_is_wrong_is_said_plainly(path: str, told: str) -> None:
    assert (await get(path)).json()["error"]["message"] == told


async def get(path: str) -> httpx2.Response:
    app = create_app(Database("postgresql://nobody@127.0.0.1:1/none"), "key")
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://api.test") as client:
        return await client.get(path, headers=KEY)


TIMES = [
    ("2026-11-21T10:00:00Z", datetime(2026, 11, 21, 10, tzinfo=UTC)),
    ("2026-11-21T10:00:00+02:00", datetime(2026, 11, 21, 8, tzinfo=UTC)),
    ("2026-11-21T10:00:00 02:00", datetime(2026, 11, 21, 8, tzinfo=UTC)),  # "+" not escaped in an address
    ("2026-11-21T10:00:00.125", datetime(2026, 11, 21, 10, 0, 0, 125_000, tzinfo=UTC)),
    ("2026-11-21 10:00", datetime(2026, 11, 21, 10, tzinfo=UTC)),
    ("2026-11-21", datetime(2026, 11, 21, tzinfo=UTC)),
]


@pytest.mark.parametrize(("text", "meant"), TIMES)
def test_times(text: str, meant: datetime) -> None:
    assert RequestList.model_validate({"since": text}).filter.since == meant
    assert ConversationList.model_validate({"dateFrom": text}).filter.date_from == meant


def test_a_date_as_end_has_its_whole_day_in_it() -> None:
    assert RequestList.model_validate({"until": "2026-11-21"}).filter.until == datetime(2026, 11, 22, tzinfo=UTC)
    ten = RequestList.model_validate({"until": "2026-11-21T10:00:00Z"}).filter.until
    assert ten == datetime(2026, 11, 21, 10, tzinfo=UTC)


def test_the_last_day_has_an_end() -> None:
    assert RequestList.model_validate({"until": "9999-12-31"}).filter.until == datetime.max.replace(tzinfo=UTC)


STATUSES: list[tuple[str, tuple[Any, ...]]] = [
    ("200", (200, None, False)),
    ("529", (529, None, False)),
    ("failed", (None, "failed", False)),
    ("complete", (None, "complete", False)),
    ("running", (None, None, True)),
]


@pytest.mark.parametrize(("text", "meant"), STATUSES)
def test_status_is_a_number_or_an_ending(text: str, meant: tuple[Any, ...]) -> None:
    found = RequestList.model_validate({"status": text}).filter
    assert (found.status, found.outcome, found.running) == meant


def test_defaults() -> None:
    assert (RequestList().limit, RequestList().offset) == (100, 0)
    assert (ConversationList().limit, ConversationList().offset) == (50, 0)


def test_an_empty_search_is_none() -> None:
    assert RequestList.model_validate({"q": ""}).filter.q is None


NAMES = st.sampled_from(
    [
        "limit",
        "offset",
        "cursor",
        "domain",
        "conversationId",
        "sessionId",
        "kind",
        "model",
        "status",
        "since",
        "until",
        "q",
    ]
)


@given(st.lists(st.tuples(NAMES | st.text(max_size=5), st.text(max_size=30)), max_size=4))
async def test_nothing_breaks_the_api(pairs: list[tuple[str, str]]) -> None:
    query = "&".join(f"{quote(k, errors='replace')}={quote(v, errors='replace')}" for k, v in pairs)
    assert (await get(f"/api/requests?{query}")).status_code in (400, 503)
