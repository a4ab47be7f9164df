"""The key, the id of each call, and the shape of refusals; without any database."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest

from plait.api.app import create_app
from plait.api.database import Database
from plait.api.front import NO_KEY

KEY = "open-sesame"
NOWHERE = "postgresql://nobody@127.0.0.1:1/none"
ID = "019aa4b6-0000-7000-8000-000000000000"


@pytest.fixture
async def client() -> AsyncIterator[httpx2.AsyncClient]:
    async with opened(KEY) as client:
        yield client


def opened(key: str | None) -> httpx2.AsyncClient:
    transport = httpx2.ASGITransport(app=create_app(Database(NOWHERE), key))
    return httpx2.AsyncClient(transport=transport, base_url="http://api.test")


def refused(answer: httpx2.Response, status: int, kind: str) -> str:
    """Asserts the one shape of refusals; returns the message."""
    assert answer.status_code == status, answer.text
    body: dict[str, Any] = answer.json()
    assert list(body) == ["error"]
    assert list(body["error"]) == ["type", "message", "request_id"]
    assert body["error"]["type"] == kind
    assert body["error"]["request_id"] == answer.headers["x-request-id"]
    return str(body["error"]["message"])


@pytest.mark.parametrize(
    "path", ["/api/requests", "/api/stats", f"/api/conversations/{ID}", "/api/unknown", "/api", "/token-stats", "/"]
)
async def test_without_a_key_401(client: httpx2.AsyncClient, path: str) -> None:
    answer = await client.get(path)
    assert "X-Dashboard-Key" in refused(answer, 401, "authentication_error")
    assert answer.headers["www-authenticate"] == "Bearer"


WRONG = [
    {"X-Dashboard-Key": "wrong"},
    {"X-API-Key": KEY + "x"},
    {"Authorization": "Bearer wrong"},
    {"X-Dashboard-Key": KEY[:-1]},
    {"X-Dashboard-Key": "schlüssel".encode()},
]


@pytest.mark.parametrize("headers", WRONG)
async def test_a_wrong_key_403(client: httpx2.AsyncClient, headers: Any) -> None:
    refused(await client.get("/api/requests", headers=headers), 403, "permission_error")


@pytest.mark.parametrize("value", ["Basic " + KEY, KEY, "Bearer", "Bearer  "])
async def test_another_authorization_is_no_key(client: httpx2.AsyncClient, value: str) -> None:
    refused(await client.get("/api/requests", headers={"Authorization": value}), 401, "authentication_error")


RIGHT = [
    {"X-Dashboard-Key": KEY},
    {"X-API-Key": KEY},
    {"Authorization": f"Bearer {KEY}"},
    {"authorization": f"bearer {KEY}"},
    {"X-Dashboard-Key": KEY, "X-API-Key": "sk-ant-of-the-provider"},
]


@pytest.mark.parametrize("headers", RIGHT)
async def test_the_right_key_gets_through(client: httpx2.AsyncClient, headers: dict[str, str]) -> None:
    refused(await client.get("/api/requests", headers=headers), 503, "unavailable_error")


@pytest.mark.parametrize("key", [None, ""])
@pytest.mark.parametrize("headers", [{}, {"X-Dashboard-Key": KEY}, {"X-Dashboard-Key": ""}])
async def test_without_a_configured_key_nothing_is_shown(key: str | None, headers: dict[str, str]) -> None:
    async with opened(key) as client:
        assert refused(await client.get("/api/requests", headers=headers), 401, "authentication_error") == NO_KEY
        assert (await client.get("/health/ready")).json()["checks"]["key"]["status"] == "degraded"


async def test_an_unknown_path(client: httpx2.AsyncClient) -> None:
    answer = await client.get("/api/requestz", headers={"X-Dashboard-Key": KEY})
    told = refused(answer, 404, "not_found_error")
    assert (
        told == "There is no /api/requestz. docs/api.md tells of all routes, and so does /docs at the API's own port."
    )


async def test_a_closing_slash_is_another_path(client: httpx2.AsyncClient) -> None:
    refused(await client.get("/api/requests/", headers={"X-Dashboard-Key": KEY}), 404, "not_found_error")


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
async def test_another_method(client: httpx2.AsyncClient, method: str) -> None:
    answer = await client.request(method, "/api/stats", headers={"X-Dashboard-Key": KEY})
    assert refused(answer, 405, "invalid_request_error") == f"/api/stats does not take {method}."
    assert answer.headers["allow"] == "GET"


async def test_an_error_of_ours_tells_nothing_of_itself() -> None:
    app = create_app(Database(NOWHERE), KEY)

    async def broken() -> None:
        raise RuntimeError("what was said in private")

    app.add_api_route("/broken", broken)
    transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx2.AsyncClient(transport=transport, base_url="http://api.test") as client:
        message = refused(await client.get("/broken", headers={"X-Dashboard-Key": KEY}), 500, "api_error")
    assert "private" not in message


async def test_a_given_id_is_kept(client: httpx2.AsyncClient) -> None:
    answer = await client.get("/health/live", headers={"X-Request-ID": "req_01-A.b"})
    assert answer.headers["x-request-id"] == "req_01-A.b"


@pytest.mark.parametrize("given", ["", "a b", "x" * 129, "<script>", "a\tb"])
async def test_an_id_that_could_hurt_is_replaced(client: httpx2.AsyncClient, given: str) -> None:
    answer = await client.get("/health/live", headers={"X-Request-ID": given})
    assert len(answer.headers["x-request-id"]) == 36


async def test_answers_are_for_nobodys_cache(client: httpx2.AsyncClient) -> None:
    answer = await client.get("/api/requests")
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_alive_without_database(client: httpx2.AsyncClient) -> None:
    for path in ("/health/live", "/health/liveliness"):
        answer = await client.get(path)
        assert (answer.status_code, answer.json()) == (200, {"status": "ok", "checks": {}, "version": "0.1.0"})


@pytest.mark.parametrize("path", ["/health", "/health/ready"])
async def test_not_ready_without_database(client: httpx2.AsyncClient, path: str) -> None:
    answer = await client.get(path)
    assert answer.status_code == 503
    assert answer.json()["status"] == "unavailable"
    assert answer.json()["checks"]["database"] == {
        "status": "unavailable",
        "message": "Postgres does not answer: DependencyDown.",
    }


async def test_a_body_of_any_length_is_not_read(client: httpx2.AsyncClient) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while sent < 10_000_000:
            sent += 10_000
            yield b"x" * 10_000

    headers = {"X-Dashboard-Key": KEY, "Content-Type": "application/json"}
    answer = await client.post("/api/analyses", content=endless(), headers=headers)
    assert refused(answer, 400, "invalid_request_error") == "body: is longer than 64 KiB"
    assert sent < 100_000
