"""A domain with a login: its token goes to Claude, and is refreshed before it expires, once for all who wait."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from plait.fakes import tokens
from plait.fakes.answers import json_answer
from plait.fakes.claude import ScriptedClaude
from plait.fakes.client import Received
from plait.fakes.http1 import header
from plait.fakes.ledger import Call
from plait.fakes.tokens import TokenServer
from plait.gateway.metrics import TOKEN_REFRESHES
from plait.gateway.oauth.refresher import PAUSE_SECONDS
from plait.gateway.spool.records import Ending
from tests.contract.gateway.relaying import HOST, Gateway, ended, error_of, relaying

DOMAIN = HOST[1]


@pytest.fixture
def server(claude: ScriptedClaude) -> TokenServer:
    fake = TokenServer()
    claude.rules += [fake.answer, lambda _: json_answer({"ok": True})]
    return fake


@pytest.fixture
def path(tmp_path: Path, server: TokenServer) -> Path:
    path = tmp_path / "credentials" / f"{DOMAIN}.credentials.json"
    path.parent.mkdir(mode=0o700)
    logged_in(path, server, expires_in=-1)
    return path


@pytest.fixture
async def gateway(claude: ScriptedClaude, path: Path, tmp_path: Path) -> AsyncIterator[Gateway]:
    url = claude.url + tokens.PATH
    async with relaying(claude.url, tmp_path / "spool", credentials_dir=path.parent, oauth_token_url=url) as running:
        yield running


def logged_in(path: Path, server: TokenServer, *, expires_in: float) -> None:
    expires_at = int((time.time() + expires_in) * 1000)
    login = {"accessToken": "old", "refreshToken": server.issue(), "expiresAt": expires_at, "isMax": True}
    path.write_text(json.dumps({"type": "oauth", "accountId": "acc", "oauth": login}))
    path.chmod(0o600)


def messages(claude: ScriptedClaude) -> list[Call]:
    return [call for call in claude.calls if call.path == "/v1/messages"]


def shown(claude: ScriptedClaude) -> set[str | None]:
    """What Claude was shown by all requests so far."""
    return {call.header("authorization") for call in messages(claude)}


async def test_an_expired_token_is_refreshed_once_for_fifty_requests(
    gateway: Gateway, claude: ScriptedClaude, server: TokenServer, path: Path
) -> None:
    own = [("x-api-key", "the-client's"), ("anthropic-beta", "mine-1")]
    answers = await asyncio.gather(*(gateway.post(headers=own) for _ in range(50)))
    assert [one.status for one in answers] == [200] * 50
    assert len(server.asked) == 1
    [granted] = server.access
    assert shown(claude) == {f"Bearer {granted}"}
    assert {call.header("anthropic-beta") for call in messages(claude)} == {"mine-1,oauth-2025-04-20"}
    assert {call.header("x-api-key") for call in messages(claude)} == {None}
    held = json.loads(path.read_bytes())
    assert (held["oauth"]["accessToken"], held["oauth"]["isMax"], held["accountId"]) == (granted, True, "acc")
    await gateway.post()
    assert len(server.asked) == 1


async def test_a_token_near_its_end_is_refreshed_and_no_request_is_refused(
    gateway: Gateway, claude: ScriptedClaude, server: TokenServer, path: Path
) -> None:
    logged_in(path, server, expires_in=40)
    while not server.asked:
        assert (await gateway.post()).status == 200
    while "old" in path.read_text():
        assert (await gateway.post()).status == 200
    assert len(server.asked) == 1
    assert shown(claude) <= {"Bearer old", *(f"Bearer {token}" for token in server.access)}


async def test_a_login_that_has_ended_is_a_401_with_its_cure_and_no_storm(
    gateway: Gateway, claude: ScriptedClaude, server: TokenServer, path: Path
) -> None:
    server.instead += [tokens.INVALID_GRANT] * 100
    began = time.monotonic()
    answers = await asyncio.gather(*(gateway.post() for _ in range(20)))
    for one in answers:
        assert one.status == 401
        kind, message = error_of(one.body)
        assert kind == "authentication_error"
        assert f"(invalid_grant). Log in again with `plait login {DOMAIN}`." in message
        assert header(one.headers, "www-authenticate") == "Bearer"
        assert (await ended(gateway, header(one.headers, "x-request-id"))).ending is Ending.REFUSED
    assert len(server.asked) <= 1 + (time.monotonic() - began) / PAUSE_SECONDS
    assert messages(claude) == []
    server.instead.clear()
    logged_in(path, server, expires_in=3600)
    assert (await _until_admitted(gateway)).whole
    assert shown(claude) == {"Bearer old"}


async def test_trouble_at_the_token_server_is_felt_only_when_the_token_has_expired(
    gateway: Gateway, claude: ScriptedClaude, server: TokenServer, path: Path
) -> None:
    server.instead += [tokens.refusal(500)] * 100
    refused = await gateway.post()
    assert refused.status == 401
    assert "the token server answers with status 500. It is tried again in 5 s." in error_of(refused.body)[1]
    assert header(refused.headers, "x-should-retry") == "true"
    logged_in(path, server, expires_in=50)
    await _until_admitted(gateway)
    assert [(await gateway.post()).status for _ in range(20)] == [200] * 20
    assert shown(claude) == {"Bearer old"}


async def test_refreshes_are_counted_and_no_token_is_recorded(
    gateway: Gateway, server: TokenServer, path: Path
) -> None:
    before = dict(TOKEN_REFRESHES.counts)
    await gateway.post()
    assert TOKEN_REFRESHES.counts[("refreshed",)] == before.get(("refreshed",), 0) + 1
    [granted] = server.access
    assert granted.encode() not in gateway.raw_spool()


async def _until_admitted(gateway: Gateway) -> Received:
    """A change of the folder is in force within a second."""
    async with asyncio.timeout(60):
        while (answer := await gateway.post()).status == 401:
            await asyncio.sleep(0.05)
    assert answer.status == 200
    return answer
