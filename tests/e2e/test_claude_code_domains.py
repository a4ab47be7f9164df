"""Claude Code set up by `plait client`, on domains whose credential for Claude the gateway holds."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from plait.cli.client import gateway as gateways
from plait.cli.client import settings_file
from plait.cli.client.setup import Setup
from plait.common.access.keys import hash_of, new_key
from plait.fakes import messages, tokens
from plait.fakes.answers import Answer, json_answer, stream_answer
from plait.fakes.claude import ScriptedClaude
from plait.fakes.ledger import Call
from plait.fakes.tokens import TokenServer
from tests.contract.gateway.relaying import relaying
from tests.e2e.claude_code import prompt

OAUTH_BETA = "oauth-2025-04-20"


@pytest.fixture
def server() -> TokenServer:
    return TokenServer()


@pytest.fixture
async def claude(server: TokenServer) -> AsyncIterator[ScriptedClaude]:
    def reply(call: Call) -> Answer | None:
        if call.path != "/v1/messages":
            return None
        whole = messages.message(messages.text("It came through."))
        return stream_answer(messages.events_of(whole)) if call.json.get("stream") else json_answer(whole)

    async with ScriptedClaude() as scripted:
        scripted.rules += [server.answer, reply]
        yield scripted


@asynccontextmanager
async def set_up(claude: ScriptedClaude, project: Path, credential: dict[str, Any]) -> AsyncIterator[str]:
    """A gateway with a domain of this credential, and Claude Code set up for it as `plait client --write` does.

    The client's key.
    """
    key, folder = new_key(), project.parent / "credentials"
    folder.mkdir(mode=0o700)
    path = folder / "localhost.credentials.json"
    path.write_text(json.dumps({**credential, "client_api_keys": [{"name": "ada", "hash": hash_of(key)}]}))
    path.chmod(0o600)
    settings = {"credentials_dir": folder, "oauth_token_url": claude.url + tokens.PATH}
    async with relaying(claude.url, project.parent / "spool", **settings) as gateway:
        found = gateways.find(folder, domain=None, url=None, usual=f"http://localhost:{gateway.port}")
        home = project.parent / "home" / ".claude" / "settings.json"
        settings_file.write(home, settings_file.merged({}, Setup(found.url, key).env))
        yield key
        assert key.encode() not in gateway.raw_spool()
    assert key not in str([call.headers for call in claude.calls])


async def ask(claude: ScriptedClaude, project: Path) -> Call:
    """The request for a message that one prompt made, after it was answered."""
    result = await prompt(None, project, "Say something")
    assert result["result"] == "It came through."
    [call] = [call for call in claude.calls if call.path == "/v1/messages"]
    return call


async def test_an_api_key_domain(claude: ScriptedClaude, project: Path) -> None:
    async with set_up(claude, project, {"type": "api_key", "api_key": "sk-ant-of-the-domain"}):
        call = await ask(claude, project)
    assert (call.header("x-api-key"), call.header("authorization")) == ("sk-ant-of-the-domain", None)
    assert call.header("x-claude-code-request-class") == "main"
    [models] = [call for call in claude.calls if call.path == "/v1/models"]
    assert models.header("x-api-key") == "sk-ant-of-the-domain"


async def test_an_oauth_domain_whose_token_has_expired(
    claude: ScriptedClaude, server: TokenServer, project: Path
) -> None:
    login = {"accessToken": "old", "refreshToken": server.issue(), "expiresAt": int(time.time() * 1000)}
    async with set_up(claude, project, {"type": "oauth", "oauth": login}):
        call = await ask(claude, project)
    [granted] = server.access
    assert (call.header("x-api-key"), call.header("authorization")) == (None, f"Bearer {granted}")
    betas = (call.header("anthropic-beta") or "").split(",")
    assert betas.count(OAUTH_BETA) == 1
    assert len(betas) > 1
