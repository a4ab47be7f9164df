"""The scripted token server keeps the rules that a real one keeps, so that a test can fail by them."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any
from urllib.parse import urlencode

import pytest

from plait.fakes.answers import Answer
from plait.fakes.ledger import Call
from plait.fakes.tokens import PATH, TokenServer, refusal

VERIFIER = "v" * 43
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
LOGIN = {
    "client_id": "c",
    "response_type": "code",
    "redirect_uri": "https://r.test/back",
    "scope": "user:inference",
    "code_challenge": CHALLENGE,
    "code_challenge_method": "S256",
    "state": "s",
}


def ask(server: TokenServer, **asked: str) -> tuple[int, dict[str, Any]]:
    answer = server.answer(Call("POST", PATH, [], json.dumps(asked).encode(), 0.0))
    assert isinstance(answer, Answer)
    value: dict[str, Any] = json.loads(answer.body)
    return answer.status, value


def refresh(server: TokenServer, token: str) -> tuple[int, dict[str, Any]]:
    return ask(server, grant_type="refresh_token", refresh_token=token, client_id="c")


def test_a_refresh_token_is_good_once() -> None:
    server = TokenServer()
    first = server.issue()
    status, granted = refresh(server, first)
    assert (status, granted["expires_in"]) == (200, 3600)
    assert granted["access_token"] in server.access
    assert refresh(server, first) == (400, {"error": "invalid_grant", "error_description": "Scripted invalid_grant"})
    assert refresh(server, granted["refresh_token"])[0] == 200


def test_without_rotation_it_stays_good_and_no_new_one_comes() -> None:
    server = TokenServer(rotates=False)
    token = server.issue()
    assert [refresh(server, token)[0], refresh(server, token)[0]] == [200, 200]
    assert "refresh_token" not in refresh(server, token)[1]


def test_a_scripted_refusal_uses_nothing_up() -> None:
    server = TokenServer()
    server.instead += [refusal(429), refusal(500)]
    token = server.issue()
    assert [refresh(server, token)[0] for _ in range(3)] == [429, 500, 200]


@pytest.mark.parametrize("wrong", ["code_verifier", "state", "redirect_uri", "client_id", "code", None])
def test_a_code_is_exchanged_once_for_what_belongs_to_it(wrong: str | None) -> None:
    server = TokenServer()
    code, state = server.authorize(f"https://a.test/authorize?{urlencode(LOGIN)}").split("#")
    asked = {"code": code, "state": state, "client_id": "c", "redirect_uri": LOGIN["redirect_uri"]}
    asked |= {"grant_type": "authorization_code", "code_verifier": VERIFIER}
    status, granted = ask(server, **(asked | ({wrong: "other"} if wrong else {})))
    assert status == (400 if wrong else 200)
    if not wrong:
        assert granted["scope"] == "user:inference"
        assert ask(server, **asked)[0] == 400


def test_other_paths_are_not_its_own() -> None:
    assert TokenServer().answer(Call("POST", "/v1/messages", [], b"{}", 0.0)) is None
