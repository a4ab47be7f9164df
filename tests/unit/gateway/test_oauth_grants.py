"""What is asked of a token server, and which of its answers are a no, and which only no answer."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from typing import Any

import pytest

from plait.fakes import tokens
from plait.fakes.answers import Answer, json_answer, raw_answer
from plait.fakes.claude import ScriptedClaude
from plait.gateway.oauth.grants import Refused, TokenServer, Unavailable
from plait.gateway.oauth.settings import TokenSettings
from tests.ports import free_port

CLIENT = "9d1c250a-e61b-44d9-88ed-5944d1962f5e"
GOOD = {"access_token": "a", "expires_in": 60}
DEEP = b'{"access_token": "a", "expires_in": 60, "error": ' + b"[" * 100_000


@pytest.fixture
async def claude() -> AsyncIterator[ScriptedClaude]:
    async with ScriptedClaude() as scripted:
        yield scripted


def server_at(claude: ScriptedClaude, **more: Any) -> TokenServer:
    return TokenServer(TokenSettings(oauth_token_url=claude.url + tokens.PATH, **more))


async def test_a_refresh_is_asked_for_as_json_and_its_answer_taken(claude: ScriptedClaude) -> None:
    fake = tokens.TokenServer(lifetime=100)
    claude.rules.append(fake.answer)
    before, token = time.time(), fake.issue()
    grant = await server_at(claude).refresh(token)
    assert fake.asked == [{"client_id": CLIENT, "grant_type": "refresh_token", "refresh_token": token}]
    assert claude.calls[0].header("content-type") == "application/json"
    assert grant.access_token in fake.access
    assert grant.refresh_token not in (None, token)
    assert before + 100 <= grant.expires_at <= time.time() + 100


async def test_what_the_answer_leaves_out_is_unknown(claude: ScriptedClaude) -> None:
    claude.rules.append(lambda _: json_answer({**GOOD, "new_field": [1]}))
    grant = await server_at(claude).refresh("r")
    assert (grant.refresh_token, grant.scope, grant.account) == (None, None, None)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (tokens.INVALID_GRANT, "invalid_grant"),
        (tokens.refusal(401, "invalid_client"), "invalid_client"),
        (json_answer({"error": {"type": "permission_error"}}, 403), "status 403"),
        (raw_answer(b"<html>sk-secret</html>", "text/html", 400), "status 400"),
        (json_answer({"error": "The token sk-secret is bad"}, 400), "status 400"),
        (raw_answer(DEEP, "application/json", 400), "status 400"),
    ],
    ids=["invalid_grant", "401", "another shape", "no JSON", "a sentence", "deep JSON"],
)
async def test_a_no_is_told_by_its_code_alone(claude: ScriptedClaude, answer: Answer, said: str) -> None:
    claude.rules.append(lambda _: answer)
    with pytest.raises(Refused) as refused:
        await server_at(claude).refresh("r")
    assert str(refused.value) == f"the token server refuses it ({said})"


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (tokens.refusal(429), "status 429"),
        (tokens.refusal(500), "status 500"),
        (json_answer({}, 302, (("location", "/elsewhere"),)), "status 302"),
        (json_answer({"access_token": "a"}), "no usable token"),
        (raw_answer(DEEP, "application/json"), "no usable token"),
        (json_answer({**GOOD, "expires_in": 0}), "no usable token"),
        (json_answer({**GOOD, "expires_in": 1e300}), "no usable token"),
        (json_answer({**GOOD, "access_token": "a\r\nx-injected: 1"}), "no usable token"),
        (json_answer({**GOOD, "refresh_token": ""}), "no usable token"),
        (raw_answer(b"<html>", "text/html"), "no usable token"),
        (json_answer(GOOD).ending("cut", after=0), "cannot be reached"),
        (json_answer(GOOD).ending("reset", after=0), "cannot be reached"),
    ],
    ids=[
        "429",
        "500",
        "redirect",
        "no life",
        "deep JSON",
        "dead",
        "immortal",
        "injection",
        "empty",
        "no JSON",
        "cut",
        "reset",
    ],
)
async def test_anything_else_is_no_answer(claude: ScriptedClaude, answer: Answer, said: str) -> None:
    claude.rules.append(lambda _: answer)
    with pytest.raises(Unavailable, match=said):
        await server_at(claude).refresh("r")
    assert len(claude.calls) == 1


async def test_silence_ends(claude: ScriptedClaude) -> None:
    claude.rules.append(lambda _: json_answer(GOOD).ending("hold", after=0))
    with pytest.raises(Unavailable, match="did not answer in time"):
        await server_at(claude, oauth_timeout=0.2).refresh("r")


async def test_nobody_there() -> None:
    server = TokenServer(TokenSettings(oauth_token_url=f"http://127.0.0.1:{free_port()}/"))
    with pytest.raises(Unavailable, match=r"cannot be reached \(ConnectError\)"):
        await server.refresh("r")
