"""The part `api` as it runs: settings from the environment, a port, an end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import httpx2
import pytest

from plait.api.main import run
from plait.common.errors import UserError
from tests.ports import free_port

KEY = "key-of-this-test"


@pytest.fixture
def port(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> int:
    """The port that the environment names."""
    port = free_port()
    for name, value in {"DATABASE_URL": postgres_url, "PORT": str(port), "DASHBOARD_API_KEY": KEY}.items():
        monkeypatch.setenv(name, value)
    return port


@pytest.fixture
async def served(port: int) -> AsyncIterator[str]:
    """Address of the running part."""
    stop = asyncio.Event()
    part = asyncio.create_task(run(stop))
    address = f"http://127.0.0.1:{port}"
    async with httpx2.AsyncClient(base_url=address) as client:
        await until_it_answers(client, part)
    yield address
    stop.set()
    await asyncio.wait_for(part, 60)


async def until_it_answers(client: httpx2.AsyncClient, part: asyncio.Task[None]) -> None:
    while not part.done():
        try:
            await client.get("/health/live")
        except httpx2.ConnectError:
            await asyncio.sleep(0.01)
        else:
            return
    await part


async def test_serves_behind_the_key(served: str) -> None:
    async with httpx2.AsyncClient(base_url=served) as client:
        ready = await client.get("/health/ready")
        assert (ready.status_code, ready.json()["status"]) == (200, "degraded")
        checks = {name: check["status"] for name, check in ready.json()["checks"].items()}
        assert checks == {"database": "ok", "key": "ok", "live": "degraded"}, "there is no broker"
        assert (await client.get("/api/requests")).status_code == 401
        answer = await client.get("/api/requests", headers={"Authorization": f"Bearer {KEY}"})
        assert (answer.status_code, answer.json()["requests"]) == (200, [])


async def test_hostile_targets_get_an_answer(served: str) -> None:
    """What no client library sends: raw bytes on the wire."""
    host, port = served.removeprefix("http://").split(":")
    targets = [b"/api/requests?q=%ff%fe", b"/api/requests?%00=%00", b"/api/requests/%2e%2e", b"//api/requests", b"*"]
    for target in targets:
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(
            b"GET %b HTTP/1.1\r\nHost: x\r\nX-API-Key: %b\r\nConnection: close\r\n\r\n" % (target, KEY.encode())
        )
        status = int((await reader.read()).split(b" ", 2)[1])
        assert status in (200, 400, 404), target
        writer.close()
        await writer.wait_closed()


async def test_a_taken_port_is_told(served: str) -> None:
    with pytest.raises(UserError, match="cannot listen"):
        await run(asyncio.Event())
