"""Calls of a key: as many as allowed, then one at a time as the bucket fills."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx2
import pytest

from plait.api.app import create_app
from plait.api.database import Database
from plait.api.throttle import Throttle
from plait.common.access.doors import Doors


class Clock:
    """Seconds that a test lets pass."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_burst_then_the_even_rate() -> None:
    clock = Clock()
    throttle = Throttle(6, clock)
    assert [throttle.wait("a") for _ in range(6)] == [0.0] * 6
    assert throttle.wait("a") == pytest.approx(10)
    assert throttle.wait("b") == 0.0
    clock.now += 4
    assert throttle.wait("a") == pytest.approx(6)
    clock.now += 6
    assert throttle.wait("a") == 0.0
    assert throttle.wait("a") == pytest.approx(10)
    clock.now += 3600
    assert [throttle.wait("a") > 0 for _ in range(8)] == [False] * 6 + [True] * 2


def test_no_limit() -> None:
    throttle = Throttle(0)
    assert not any(throttle.wait("a") for _ in range(10_000))


@pytest.fixture
async def client() -> AsyncIterator[httpx2.AsyncClient]:
    app = create_app(Database("postgresql://nobody@127.0.0.1:1/none"), Doors("v", "a"), calls_per_minute=2)
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://api.test") as client:
        yield client


async def test_too_many_calls_of_one_key_are_refused(client: httpx2.AsyncClient) -> None:
    answers = [await client.get("/api/unknown", headers={"X-API-Key": key}) for key in "vvvaav"]
    assert [answer.status_code for answer in answers] == [404, 404, 429, 404, 404, 429]
    assert answers[2].json()["error"]["type"] == "rate_limit_error"
    assert 1 <= int(answers[2].headers["retry-after"]) <= 30


async def test_guesses_use_up_nobodys_calls(client: httpx2.AsyncClient) -> None:
    for n in range(20):
        assert (await client.get("/api/unknown", headers={"X-API-Key": f"guess-{n}"})).status_code == 403
    assert (await client.get("/api/unknown", headers={"X-API-Key": "v"})).status_code == 404
