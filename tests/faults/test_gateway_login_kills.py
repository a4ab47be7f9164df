"""Gateways as processes that share a folder of logins, and are ended in the midst of a refresh."""

from __future__ import annotations

import asyncio
import json
import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from plait.fakes import tokens
from plait.fakes.answers import json_answer
from plait.fakes.claude import ScriptedClaude
from plait.fakes.tokens import TokenServer
from tests.faults.gateway_process import HOST, Process, process


@pytest.fixture
async def claude() -> AsyncIterator[ScriptedClaude]:
    async with ScriptedClaude() as scripted:
        yield scripted


@pytest.fixture
def server(claude: ScriptedClaude) -> TokenServer:
    fake = TokenServer()
    claude.rules += [fake.answer, lambda _: json_answer({"ok": True})]
    return fake


@pytest.fixture
def path(tmp_path: Path, server: TokenServer) -> Path:
    """An expired login."""
    path = tmp_path / "credentials" / f"{HOST[1]}.credentials.json"
    path.parent.mkdir(mode=0o700)
    login = {"accessToken": "old", "refreshToken": server.issue(), "expiresAt": int(time.time() * 1000)}
    path.write_text(json.dumps({"type": "oauth", "oauth": login}))
    path.chmod(0o600)
    return path


@pytest.fixture
def settings(claude: ScriptedClaude, path: Path) -> dict[str, str]:
    return {"CREDENTIALS_DIR": str(path.parent), "OAUTH_TOKEN_URL": claude.url + tokens.PATH}


async def changed(path: Path) -> None:
    """Returns when the file has other tokens."""
    before = path.stat().st_ino
    async with asyncio.timeout(60):
        while path.stat().st_ino == before:
            await asyncio.sleep(0)


async def test_gateways_that_share_a_folder_refresh_once(
    claude: ScriptedClaude, server: TokenServer, settings: dict[str, str], tmp_path: Path
) -> None:
    server.wait = 0.5
    gateways = [Process(claude.url, tmp_path / name, settings) for name in ("a", "b")]
    try:
        await asyncio.gather(*(gateway.start() for gateway in gateways))
        answers = await asyncio.gather(*(gateway.post(n) for gateway in gateways for n in range(25)))
    finally:
        for gateway in gateways:
            await gateway.end(signal.SIGKILL)
    assert [one.status for one in answers] == [200] * 50
    assert len(server.asked) == 1
    shown = {call.header("authorization") for call in claude.calls if call.path == "/v1/messages"}
    assert shown == {f"Bearer {token}" for token in server.access}


async def test_killed_between_writing_new_tokens_and_using_them_it_has_lost_nothing(
    claude: ScriptedClaude, server: TokenServer, settings: dict[str, str], path: Path, tmp_path: Path
) -> None:
    server.lifetime = 30  # stale at once: the next request needs the refresh token that was written
    async with process(claude.url, tmp_path / "spool", settings) as gateway:
        for life in range(2):
            asking = asyncio.create_task(gateway.post(life))
            await changed(path)
            await gateway.end(signal.SIGKILL)
            await asking
            assert json.loads(path.read_bytes())["oauth"]["accessToken"] in server.access
            await gateway.start()
        assert (await gateway.post(2)).status == 200
    assert len({asked["refresh_token"] for asked in server.asked}) == len(server.asked) == len(server.access)


async def test_stopped_in_the_midst_of_a_refresh_it_writes_the_new_tokens_first(
    claude: ScriptedClaude, server: TokenServer, settings: dict[str, str], path: Path, tmp_path: Path
) -> None:
    server.wait = 1
    async with process(claude.url, tmp_path / "spool", settings) as gateway:
        asking = asyncio.create_task(gateway.post(0))
        await claude.call(0)
        assert await gateway.end(signal.SIGTERM) == 0
        assert (await asking).status == 200
    assert b"Traceback" not in gateway.log
    assert json.loads(path.read_bytes())["oauth"]["accessToken"] in server.access
