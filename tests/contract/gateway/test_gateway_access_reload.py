"""Changes in the folder of credential files are in force within a second, and a broken one harms nobody."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from plait.fakes.answers import json_answer, stream_answer
from plait.fakes.claude import ScriptedClaude
from plait.fakes.client import Received
from tests.contract.gateway.credential_files import (
    DOMAIN,
    KEYS,
    LAPTOP,
    LOGIN,
    MOST_SECONDS,
    UPSTREAM,
    ask,
    bearer,
    until,
    write,
)
from tests.contract.gateway.relaying import Gateway, error_of, relaying


@pytest.fixture
def claude(claude: ScriptedClaude) -> ScriptedClaude:
    claude.rules.append(lambda _: json_answer({}))
    return claude


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two domains: one with keys and an API key, one with a login and no keys."""
    path = tmp_path / "credentials"
    path.mkdir()
    write(path, DOMAIN, UPSTREAM | KEYS)
    write(path, "login.example", {"type": "oauth", "oauth": LOGIN})
    return path


@pytest.fixture
async def gateway(claude: ScriptedClaude, tmp_path: Path, folder: Path) -> AsyncIterator[Gateway]:
    async with relaying(claude.url, tmp_path / "spool", credentials_dir=folder) as running:
        yield running


def refused(received: Received) -> bool:
    return received.status == 401


def let_in(received: Received) -> bool:
    return received.status == 200


async def test_a_change_is_in_force_within_a_second(gateway: Gateway, claude: ScriptedClaude, folder: Path) -> None:
    write(folder, DOMAIN, UPSTREAM | {"client_api_key": "new-key"})
    received = await until(gateway, refused, bearer("good-key"))
    assert (await ask(gateway, bearer("new-key"))).status == 200
    assert error_of(received.body)[1] == "The key is none of the domain a.example."


async def test_a_new_domain_and_one_that_goes(gateway: Gateway, claude: ScriptedClaude, folder: Path) -> None:
    write(folder, "*.team.example", UPSTREAM | {"client_api_key": "team-key"})
    await until(gateway, let_in, bearer("team-key"), host="x.team.example")
    (folder / "*.team.example.credentials.json").unlink()
    await until(gateway, refused, bearer("team-key"), host="x.team.example")


async def test_what_runs_is_not_cut_when_its_key_is_disabled(
    gateway: Gateway, claude: ScriptedClaude, folder: Path
) -> None:
    gate = asyncio.Event()
    answers = iter([stream_answer([b"data: 1\n\n", b"data: 2\n\n"]).gated(gate, 1)])
    claude.rules.insert(0, lambda _: next(answers, None))
    running = asyncio.create_task(ask(gateway, bearer("good-key")))
    await claude.call(0)
    write(folder, DOMAIN, UPSTREAM | {"client_api_keys": [LAPTOP | {"disabled": True}]})
    await until(gateway, refused, bearer("good-key"))
    gate.set()
    received = await running
    assert (received.body, received.whole) == (b"data: 1\n\ndata: 2\n\n", True)


async def test_a_broken_file_keeps_its_last_good_content_and_is_told_of(
    gateway: Gateway, claude: ScriptedClaude, folder: Path
) -> None:
    (folder / f"{DOMAIN}.credentials.json").write_text('{"type": "api_key", ')
    async with asyncio.timeout(MOST_SECONDS):
        while (check := await credentials_check(gateway))["status"] == "ok":
            pass
    assert check == {
        "status": "degraded",
        "message": "1 of 2 credential files cannot be used: `plait credentials` says which",
    }
    assert (await ask(gateway, bearer("good-key"))).status == 200
    (folder / f"{DOMAIN}.credentials.json").unlink()
    async with asyncio.timeout(MOST_SECONDS):
        while (await credentials_check(gateway))["status"] != "ok":
            pass


async def credentials_check(gateway: Gateway) -> dict[str, str]:
    health = json.loads((await gateway.get("/health/ready")).body)
    check: dict[str, str] = health["checks"]["credentials"]
    return check
