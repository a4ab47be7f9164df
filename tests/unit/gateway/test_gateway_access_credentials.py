"""A credential file is good as a whole, or broken for a reason that names what is wrong and repeats no secret."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plait.common.access.keys import SINGLE, Key, find, hash_of, new_key
from plait.common.errors import Broken
from plait.gateway.access.credentials import OAUTH_BETA, Credential, read

PATH = Path("a.credentials.json")
SECRET = "sk-ant-secret"
OAUTH = {"accessToken": SECRET, "refreshToken": "r", "expiresAt": 1_700_000_000_000, "scopes": ["x"], "isMax": True}
HASHED = {"name": "laptop", "hash": hash_of(SECRET)}


def credential(**fields: Any) -> Credential:
    return read(PATH, json.dumps(fields).encode())


def why(**fields: Any) -> str:
    with pytest.raises(Broken) as broken:
        credential(**fields)
    assert SECRET not in str(broken.value)
    return str(broken.value)


def test_an_api_key() -> None:
    found = credential(type="api_key", accountId="acc", api_key=SECRET, slack={"channel": "#a"})
    assert found == Credential(path=PATH, account_id="acc", upstream=((b"x-api-key", SECRET.encode()),))


def test_a_login() -> None:
    found = credential(type="oauth", accountId="acc", oauth=OAUTH)
    assert found.upstream == ((b"authorization", b"Bearer " + SECRET.encode()),)
    assert (found.beta, found.expires_at, found.renewable) == (OAUTH_BETA, 1_700_000_000, True)


def test_a_login_without_refresh_token_ends() -> None:
    found = credential(type="oauth", oauth={**OAUTH, "refreshToken": None})
    assert not found.has_ended(1_699_999_999)
    assert found.has_ended(1_700_000_000)
    assert not credential(type="oauth", oauth=OAUTH).has_ended(1_700_000_001)


def test_client_keys() -> None:
    expires = "2026-01-02T03:04:05Z"
    listed = [HASHED, {"name": "old", "hash": hash_of("b"), "created": expires, "expires": expires, "disabled": True}]
    found = credential(client_api_key="single", client_api_keys=listed)
    assert found.upstream == ()
    assert found.keys == (
        Key("laptop", sha256(SECRET.encode()).digest()),
        Key("old", sha256(b"b").digest(), 1_767_323_045, disabled=True),
        Key(SINGLE, sha256(b"single").digest()),
    )


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"type": "api_key"}, "`api_key` is missing"),
        ({"type": "oauth"}, "`oauth` is missing"),
        ({"type": "oauth", "oauth": {"accessToken": SECRET}}, "missing required field `expiresAt`"),
        ({"type": "oauth", "oauth": {**OAUTH, "expiresAt": 1e18}}, "`$.oauth.expiresAt`"),
        ({"type": "oauth", "oauth": {**OAUTH, "expiresAt": -1}}, "`$.oauth.expiresAt`"),
        ({"client_api_keys": [{**HASHED, "expires": "0001-01-01T00:00:00+14:00"}]}, "in the years 1970 to 9998"),
        ({"client_api_keys": [{**HASHED, "created": "9999-12-31T23:00:00-14:00"}]}, "in the years 1970 to 9998"),
        ({"type": SECRET}, "`type` must be `api_key` or `oauth`"),
        ({"api_key": SECRET}, "`type` is missing"),
        ({"oauth": OAUTH}, "`type` is missing"),
        ({"type": "api_key", "api_key": 5}, "`$.api_key`"),
        ({"type": "api_key", "api_key": ""}, "`api_key` is empty"),
        ({"type": "api_key", "api_key": f"{SECRET}\r\nx: y"}, "signs that no header can carry"),
        ({"type": "oauth", "oauth": {**OAUTH, "accessToken": f"é{SECRET}"}}, "`oauth.accessToken`"),
        ({"client_api_key": ""}, "`client_api_key` is empty"),
        ({"client_api_key": f"{SECRET} "}, "white space"),
        ({"client_api_keys": [{"name": "a", "hash": SECRET}]}, "`hash` of the client key `a`"),
        ({"client_api_keys": [{"name": "a", "hash": "sha256:abc"}]}, "`hash` of the client key `a`"),
        ({"client_api_keys": [{"name": "a", "hash": hash_of("x").upper()}]}, "`hash` of the client key `a`"),
        ({"client_api_keys": [{"name": "", "hash": hash_of("x")}]}, "`$.client_api_keys[0].name`"),
        ({"client_api_keys": [HASHED, {**HASHED, "hash": hash_of("x")}]}, "two client keys are called `laptop`"),
        ({"client_api_keys": [HASHED, {**HASHED, "name": "x"}]}, "listed twice"),
        ({"client_api_keys": [HASHED], "client_api_key": SECRET}, "listed twice"),
        ({"client_api_keys": [{**HASHED, "expires": "2026-01-02T03:04:05"}]}, "`$.client_api_keys[0].expires`"),
        ({"client_api_keys": [{**HASHED, "disabled": "yes"}]}, "`$.client_api_keys[0].disabled`"),
    ],
)
def test_a_broken_file_says_why(fields: dict[str, Any], reason: str) -> None:
    assert reason in why(**fields)


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b"null", b'{"type": "\xff"}', b"[" * 100_000], ids=repr)
def test_what_is_no_file_of_ours_is_broken(raw: bytes) -> None:
    with pytest.raises(Broken, match="it is no credential file"):
        read(PATH, raw)


@given(st.binary(max_size=200))
def test_any_content_is_good_or_broken(raw: bytes) -> None:
    try:
        found = read(PATH, raw)
    except Broken:
        return
    assert found.path == PATH


def test_new_keys_differ_and_are_known_by_their_hash() -> None:
    key, other = new_key(), new_key()
    assert key != other
    assert key.startswith("plait_")
    assert len(key) > 40
    [known] = credential(client_api_keys=[{"name": "k", "hash": hash_of(key)}]).keys
    assert find([known], key.encode()) is known
    assert find([known], other.encode()) is None


@pytest.mark.parametrize(
    "guess", [b"", b"sk-ant-secre", b"sk-ant-secret ", b"SK-ANT-SECRET", b"sk-ant-secret\x00", b"s"]
)
def test_a_near_guess_is_no_key(guess: bytes) -> None:
    assert find([Key("k", sha256(SECRET.encode()).digest())], guess) is None
