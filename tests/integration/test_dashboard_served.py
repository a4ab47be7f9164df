"""The dashboard as its part runs it: a real server, real sockets, a real database."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx2
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from plait.common.errors import UserError
from plait.dashboard import main
from plait.dashboard.front.session import COOKIE
from tests.dashboard_server import KEY, dashboard, database


@pytest.fixture(scope="module")
def address(postgres_server: str, migrated_template: str, servers_home: Path) -> Iterator[str]:
    """Where a dashboard on an empty database runs."""
    with database(postgres_server, migrated_template) as url, dashboard(url, servers_home / "dashboard.log") as running:
        yield running


@pytest.fixture
async def board(address: str) -> AsyncIterator[httpx2.AsyncClient]:
    """A client of it that has not logged in."""
    async with httpx2.AsyncClient(base_url=address) as client:
        yield client


async def log_in(board: httpx2.AsyncClient) -> str:
    answer = await board.post("/login", data={"key": KEY})
    board.cookies.clear()
    assert answer.status_code == 303
    return answer.cookies[COOKIE]


def with_cookie(cookie: str) -> dict[str, str]:
    return {"cookie": f"{COOKIE}={cookie}"}


def socket(board: httpx2.AsyncClient, cookie: str = "", origin: str | None = "own") -> connect:
    address = str(board.base_url).rstrip("/")
    headers = with_cookie(cookie) if cookie else {}
    site = address if origin == "own" else origin
    url = address.replace("http", "ws") + "/_stcore/stream"
    return connect(url, additional_headers=headers, origin=site, proxy=None)  # type: ignore[arg-type]


async def test_health_is_open_and_tells_of_the_database(board: httpx2.AsyncClient) -> None:
    for path in ("/health", "/health/ready"):
        answer = await board.get(path)
        assert answer.status_code == 200
        assert answer.json()["checks"] == {"postgres": {"status": "ok", "message": "answers"}}
    assert (await board.get("/health/live")).json()["status"] == "ok"


@pytest.mark.parametrize("path", ["/", "/conversation?id=1", "/nowhere", "/index.html", "/manifest.json"])
async def test_pages_lead_to_the_form(board: httpx2.AsyncClient, path: str) -> None:
    answer = await board.get(path)
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/login?next=%2F")


@pytest.mark.parametrize(
    "path", ["/_stcore/health", "/_stcore/host-config", "/_stcore/agent/openapi.json", "/static/x"]
)
async def test_streamlits_own_routes_are_closed(board: httpx2.AsyncClient, path: str) -> None:
    assert (await board.get(path)).status_code == 401
    cookie = await log_in(board)
    assert (await board.get(path, headers=with_cookie(cookie))).status_code != 401


async def test_behind_the_door_is_streamlit_under_our_policy(board: httpx2.AsyncClient) -> None:
    answer = await board.get("/", headers=with_cookie(await log_in(board)))
    assert answer.status_code == 200
    assert '<div id="root">' in answer.text
    assert "script-src 'self' blob:" in answer.headers["content-security-policy"]


@pytest.mark.parametrize("origin", ["own", None, "http://evil.example"])
async def test_a_socket_without_a_session_does_not_open(board: httpx2.AsyncClient, origin: str | None) -> None:
    with pytest.raises(InvalidStatus) as refused:
        await socket(board, "", origin)
    assert refused.value.response.status_code == 403


@pytest.mark.parametrize("origin", [None, "http://evil.example", "http://localhost:1"])
async def test_a_socket_of_another_page_does_not_open(board: httpx2.AsyncClient, origin: str | None) -> None:
    with pytest.raises(InvalidStatus):
        await socket(board, await log_in(board), origin)


async def test_log_out_closes_an_open_socket(board: httpx2.AsyncClient) -> None:
    cookie = await log_in(board)
    async with socket(board, cookie) as open_socket:
        assert isinstance(open_socket, ClientConnection)
        await board.get("/logout", headers=with_cookie(cookie))
        with pytest.raises(ConnectionClosed) as closed:
            await asyncio.wait_for(open_socket.recv(), 60)
    assert closed.value.rcvd
    assert closed.value.rcvd.code == 1008


async def test_without_a_key_it_does_not_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DASHBOARD_API_KEY", "")
    with pytest.raises(UserError, match="DASHBOARD_API_KEY is not set"):
        await main.run(asyncio.Event())
