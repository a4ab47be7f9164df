"""What the front takes from the read API for its visitors, and for whom."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any
from uuid import UUID

import msgspec
import pytest
from starlette.applications import Starlette
from starlette.types import ASGIApp

from plait.common.errors import DependencyDown
from plait.dashboard.front.app import front
from plait.dashboard.front.live.feed import Feed
from plait.dashboard.front.relay import Relay
from plait.dashboard.front.session import COOKIE, Sessions
from tests.unit.dashboard.api_stand_in import StandIn
from tests.unit.dashboard.asgi import Answer, ask
from tests.unit.dashboard.key_files import KEYS, LIMITED, doors

ID = UUID("01a20051-f673-7d4e-b797-f31fdccc408b")
EXPORT, RAW = f"/api/conversations/{ID}/export", f"/api/requests/{ID}/raw"


class Shelf:
    """A database that shows what it is told to, and notes for which domains it was asked."""

    def __init__(self) -> None:
        self.shows: object = None
        self.asked: list[Any] = []
        self.away = False

    def read(self, domains: Any, query: Callable[..., Any], *args: Any) -> object:
        if self.away:
            raise DependencyDown("Postgres does not answer.")
        self.asked.append((domains, *args))
        return self.shows


@pytest.fixture
def sessions() -> Sessions:
    return Sessions(KEYS["viewer"], doors())


@pytest.fixture
async def api() -> StandIn:
    return StandIn(body=b"what was recorded")


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


@pytest.fixture
async def app(sessions: Sessions, api: StandIn, shelf: Shelf) -> AsyncIterator[ASGIApp]:
    async with api.client() as client:
        relay = Relay(sessions, shelf, client, Feed(client))  # type: ignore[arg-type]
        yield Starlette(routes=relay.routes(), middleware=front(sessions))


def as_(sessions: Sessions, who: str) -> dict[str, str]:
    return {"cookie": f"{COOKIE}={sessions.begin(KEYS[who])}"}


async def get(app: ASGIApp, path: str, headers: dict[str, str]) -> Answer:
    return await asyncio.wait_for(ask(app, path, headers=headers), 60)


@pytest.mark.parametrize("path", ["/api/live", EXPORT, RAW, f"/api/requests/{ID}/live", "/api/requests", "/api/"])
async def test_nothing_is_given_without_a_session(app: ASGIApp, api: StandIn, path: str) -> None:
    assert (await get(app, path, {})).status == 401
    assert api.asked == []


@pytest.mark.parametrize("path", ["/api/requests", "/api/requests/no-id/raw", f"/api/requests/{ID}", "/api/../x"])
async def test_the_rest_of_the_api_is_not_passed_on(app: ASGIApp, api: StandIn, sessions: Sessions, path: str) -> None:
    assert (await get(app, path, as_(sessions, "viewer"))).status == 404
    assert api.asked == []


@pytest.mark.parametrize("path", [EXPORT, RAW])
async def test_files_are_for_download_and_can_do_nothing_as_pages(
    app: ASGIApp, api: StandIn, sessions: Sessions, path: str
) -> None:
    api.headers = {"content-type": "text/html", "set-cookie": "a=b", "content-security-policy": "default-src *"}
    answer = await get(app, f"{path}?format=html&part=request", as_(sessions, "viewer"))
    assert (answer.status, answer.body) == (200, b"what was recorded")
    assert answer.headers["content-disposition"] == "attachment"
    assert answer.headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'; sandbox"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "set-cookie" not in answer.headers
    [asked] = api.asked
    assert asked.url.raw_path.decode() == f"{path}?format=html&part=request"
    assert asked.headers["x-dashboard-key"] == "the-dashboard-key"
    assert "cookie" not in asked.headers


async def test_the_apis_name_of_a_file_is_kept(app: ASGIApp, api: StandIn, sessions: Sessions) -> None:
    api.headers = {"content-disposition": 'attachment; filename="a.http"'}
    answer = await get(app, RAW, as_(sessions, "viewer"))
    assert answer.headers["content-disposition"] == 'attachment; filename="a.http"'


@pytest.mark.parametrize("path", [EXPORT, RAW, f"/api/requests/{ID}/live"])
async def test_to_a_key_of_other_domains_it_does_not_exist(
    app: ASGIApp, api: StandIn, shelf: Shelf, sessions: Sessions, path: str
) -> None:
    answer = await get(app, path, as_(sessions, "limited"))
    assert (answer.status, answer.body) == (404, b"Nothing is recorded under this id.")
    assert shelf.asked == [(LIMITED, ID)]
    assert api.asked == []


async def test_a_key_of_its_domain_gets_it(app: ASGIApp, shelf: Shelf, sessions: Sessions) -> None:
    shelf.shows = ID
    assert (await get(app, EXPORT, as_(sessions, "limited"))).body == b"what was recorded"


async def test_a_key_of_some_domains_waits_for_the_database(app: ASGIApp, shelf: Shelf, sessions: Sessions) -> None:
    shelf.away = True
    assert (await get(app, EXPORT, as_(sessions, "limited"))).status == 503


async def test_a_refusal_is_told_in_the_apis_words(app: ASGIApp, api: StandIn, sessions: Sessions) -> None:
    api.status, api.body = 400, msgspec.json.encode({"error": {"message": "format: must be 'md'"}})
    answer = await get(app, EXPORT, as_(sessions, "viewer"))
    assert (answer.status, answer.body) == (400, b"format: must be 'md'")


@pytest.mark.parametrize(("status", "says"), [(403, b"same DASHBOARD_API_KEY"), (500, b"The read API answers 500.")])
async def test_other_refusals_are_explained(
    app: ASGIApp, api: StandIn, sessions: Sessions, status: int, says: bytes
) -> None:
    api.status = status
    assert says in (await get(app, EXPORT, as_(sessions, "viewer"))).body


@pytest.mark.parametrize("path", [EXPORT, f"/api/requests/{ID}/live"])
async def test_an_api_that_is_away_is_told(app: ASGIApp, api: StandIn, sessions: Sessions, path: str) -> None:
    api.away = True
    answer = await get(app, path, as_(sessions, "viewer"))
    assert answer.status == 502
    assert b"API_URL" in answer.body


async def test_an_answer_that_runs_is_passed_on_from_where_the_reader_is(
    app: ASGIApp, api: StandIn, sessions: Sessions
) -> None:
    api.body = b"id: 4\nevent: end\ndata: {}\n\n"
    answer = await get(app, f"/api/requests/{ID}/live", {**as_(sessions, "viewer"), "last-event-id": "3"})
    assert answer.body == api.body
    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert api.asked[0].headers["last-event-id"] == "3"


@pytest.mark.parametrize("query", ["conversation=1", "request=%00"])
async def test_ids_that_are_none_are_refused(app: ASGIApp, sessions: Sessions, query: str) -> None:
    assert (await get(app, f"/api/live?{query}", as_(sessions, "viewer"))).status == 400
