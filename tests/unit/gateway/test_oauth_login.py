"""A login: what the address asks for, which codes belong to it, and what it writes."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plait.common.errors import UserError
from plait.fakes import tokens
from plait.fakes.claude import ScriptedClaude
from plait.fakes.tokens import ACCOUNT, TokenServer
from plait.gateway.oauth.login import Attempt, Login
from plait.gateway.oauth.settings import LoginSettings
from tests.unit.gateway.oauth_logins import DOMAIN, content

ATTEMPT = Attempt("the-state", "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")


@pytest.fixture
async def claude() -> AsyncIterator[ScriptedClaude]:
    async with ScriptedClaude() as scripted:
        yield scripted


@pytest.fixture
def server(claude: ScriptedClaude) -> TokenServer:
    fake = TokenServer()
    claude.rules.append(fake.answer)
    return fake


@pytest.fixture
def settings(claude: ScriptedClaude) -> LoginSettings:
    return LoginSettings(oauth_token_url=claude.url + tokens.PATH)


@pytest.fixture
def login(path: Path, settings: LoginSettings) -> Login:
    return Login(path, settings)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / f"{DOMAIN}.credentials.json"


def test_the_challenge_is_that_of_the_rfc() -> None:
    assert ATTEMPT.challenge == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"  # RFC 7636, appendix B


def test_the_address_asks_for_everything_by_its_settings() -> None:
    address = urlsplit(ATTEMPT.address(LoginSettings(oauth_scope="a b", oauth_client_id="c")))
    assert f"{address.scheme}://{address.netloc}{address.path}" == "https://claude.ai/oauth/authorize"
    assert parse_qs(address.query) == {
        "code": ["true"],
        "client_id": ["c"],
        "response_type": ["code"],
        "redirect_uri": ["https://console.anthropic.com/oauth/code/callback"],
        "scope": ["a b"],
        "code_challenge": [ATTEMPT.challenge],
        "code_challenge_method": ["S256"],
        "state": ["the-state"],
    }


def test_no_two_attempts_are_alike() -> None:
    made = [Attempt.new() for _ in range(100)]
    assert len({each.state for each in made} | {each.verifier for each in made}) == 200
    assert all(43 <= len(each.verifier) <= 128 for each in made)


@given(code=st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="#"), min_size=1))
def test_a_code_with_our_state_is_taken_with_space_around(code: str) -> None:
    assert ATTEMPT.code(f"  {code}#the-state\n") == code


anything = st.text(st.characters(exclude_categories=()))  # a terminal may send bytes that are no text


@given(shown=anything | anything.map(lambda state: f"code#{state}"))
def test_nothing_else_is_taken(shown: str) -> None:
    if shown.strip().partition("#")[2] != "the-state":
        with pytest.raises(UserError):
            ATTEMPT.code(shown)


@pytest.mark.parametrize(
    ("shown", "said"),
    [
        ("code", "not the whole code"),
        ("#the-state", "not the whole code"),
        ("code#", "not the whole code"),
        ("", "not the whole code"),
        ("code#the-stat", "belongs to another login"),
        ("code#the-state#x", "belongs to another login"),
    ],
)
def test_what_is_wrong_with_a_code_is_said(shown: str, said: str) -> None:
    with pytest.raises(UserError, match=said):
        ATTEMPT.code(shown)


async def test_a_login_writes_a_private_file(login: Login, server: TokenServer, path: Path) -> None:
    await login.finish(server.authorize(login.begin()))
    held = content(path)
    assert (held["type"], held["accountId"]) == ("oauth", ACCOUNT)
    assert held["oauth"]["accessToken"] in server.access
    assert held["oauth"]["scopes"] == ["org:create_api_key", "user:profile", "user:inference"]
    assert path.stat().st_mode & 0o777 == 0o600
    assert sorted(each.name for each in path.parent.iterdir()) == [f".{path.name}.lock", path.name]


async def test_what_the_file_held_is_kept(login: Login, server: TokenServer, path: Path) -> None:
    before = {"type": "api_key", "api_key": "k", "accountId": "mine", "client_api_key": "c", "slack": {"enabled": True}}
    path.write_text(json.dumps(before))
    await login.finish(server.authorize(login.begin()))
    held = content(path)
    assert {name: held[name] for name in before if name != "type"} == {k: v for k, v in before.items() if k != "type"}
    assert held["type"] == "oauth"


async def test_a_login_may_be_finished_by_another_process(
    login: Login, server: TokenServer, path: Path, settings: LoginSettings
) -> None:
    shown = server.authorize(login.begin())
    pending = path.with_name(f".{path.name}.login")
    assert pending.stat().st_mode & 0o777 == 0o600
    await Login(path, settings).finish(shown)
    assert not pending.exists()
    with pytest.raises(UserError, match="No login has been begun"):
        await login.finish(shown)


async def test_the_code_of_an_earlier_address_is_not_sent(login: Login, server: TokenServer) -> None:
    earlier = server.authorize(login.begin())
    login.begin()
    with pytest.raises(UserError, match="belongs to another login: open the address that was printed last"):
        await login.finish(earlier)
    assert server.asked == []


async def test_a_code_that_is_not_accepted_changes_nothing(login: Login, server: TokenServer, path: Path) -> None:
    _, state = server.authorize(login.begin()).split("#")
    with pytest.raises(UserError, match=r"not accepted: the token server refuses it \(invalid_grant\)"):
        await login.finish(f"made-up#{state}")
    assert not path.exists()


async def test_after_trouble_at_the_token_server_the_same_code_may_be_given_again(
    login: Login, server: TokenServer, path: Path
) -> None:
    shown = server.authorize(login.begin())
    server.instead.append(tokens.refusal(503))
    with pytest.raises(UserError, match="could not be finished: the token server answers with status 503"):
        await login.finish(shown)
    await login.finish(shown)
    assert path.exists()


@pytest.mark.parametrize("text", ["{", "[]"])
def test_a_broken_file_is_told_before_anybody_opens_a_browser(login: Login, path: Path, text: str) -> None:
    path.write_text(text)
    with pytest.raises(UserError, match="is broken, and nothing of it would be kept"):
        login.begin()
    assert path.read_text() == text


def test_the_folder_is_made_if_it_can_be(tmp_path: Path) -> None:
    settings = LoginSettings()
    Login(tmp_path / "new" / "folder" / f"{DOMAIN}.credentials.json", settings).begin()
    assert (tmp_path / "new" / "folder").stat().st_mode & 0o777 == 0o700
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="below cannot be written to: Not a directory"):
        Login(tmp_path / "file" / "below" / f"{DOMAIN}.credentials.json", settings).begin()
