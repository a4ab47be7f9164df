"""Who is let in, as whom, and what goes to Claude in the client's place."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from plait.common.access.keys import hash_of
from plait.common.errors import UserError
from plait.gateway.access.access import Access, Admission, Refresher
from plait.gateway.access.credentials import OAUTH_BETA
from plait.gateway.access.directory import Directory
from plait.gateway.access.policy import Policy
from plait.gateway.relay.refusals import Refusal
from plait.gateway.settings import AccessSettings

NOW = 1_800_000_000.0
HOST = b"a.example"
LOCAL, OPEN = Policy(is_private=True), Policy(is_private=False, allow_open_gateway=True)
PASSING = Policy(is_private=True, pass_client_credentials=True)
BOTH = frozenset({b"authorization", b"x-api-key"})
UPSTREAM = {"type": "api_key", "api_key": "sk-ant-domain", "accountId": "acc"}
KEYS = {
    "client_api_key": "single",
    "client_api_keys": [
        {"name": "laptop", "hash": hash_of("good")},
        {"name": "off", "hash": hash_of("disabled"), "disabled": True},
        {"name": "old", "hash": hash_of("expired"), "expires": "2027-01-15T07:59:59Z"},
        {"name": "young", "hash": hash_of("young"), "expires": "2027-01-15T08:00:01Z"},
    ],
}
SECRETS = st.sampled_from([b"good", b"single", b"young", b"disabled", b"expired", b"theirs", b"goo", b"good "])
BEARERS = SECRETS.map(lambda secret: b"Bearer " + secret)
Admit = Callable[..., Admission]
Make = Callable[..., Access]


class Never:
    async def refresh(self, path: Path) -> None:
        raise AssertionError(f"{path} is not to be refreshed")


@pytest.fixture
def access(tmp_path: Path) -> Make:
    def make(policy: Policy = LOCAL, refresher: Refresher | None = None, **files: dict[str, Any]) -> Access:
        for domain, content in files.items():
            path = tmp_path / f"{domain.replace('__', '.')}.credentials.json"
            path.write_text(json.dumps(content))
        return Access(Directory(tmp_path), policy, refresher or Never(), clock=lambda: NOW)

    return make


def reason(access: Access, authorization: bytes | None = None, api_key: bytes | None = None) -> str:
    with pytest.raises(Refusal) as refused:
        access.admit(HOST, authorization, api_key)
    refusal = refused.value
    assert (refusal.status, refusal.type) == (401, "authentication_error")
    assert refusal.fields == ((b"www-authenticate", b"Bearer"),)
    return refusal.reason


def test_unconfigured_everything_passes(access: Make) -> None:
    admit = access().admit
    assert admit(b"H.Example:8080", b"Bearer theirs", b"theirs") == Admission("h.example")
    assert admit(b"127.0.0.1:3000", None, None) == Admission("127.0.0.1:3000")


@pytest.mark.parametrize("host", [None, b"", b"a/b"])
def test_without_a_good_host_nobody_is_admitted(access: Make, host: bytes | None) -> None:
    with pytest.raises(Refusal, match="Host header") as refused:
        access().admit(host, None, None)
    assert refused.value.status == 400


@pytest.mark.parametrize(
    ("authorization", "api_key", "name"),
    [
        (b"Bearer good", None, "laptop"),
        (b"bEARER   good", None, "laptop"),
        (None, b"good", "laptop"),
        (b"Bearer single", None, "client_api_key"),
        (None, b"young", "young"),
        (b"Bearer theirs", b"good", "laptop"),
        (b"Bearer good", b"theirs", "laptop"),
        (b"Bearer good", b"single", "laptop"),
        (b"Bearer disabled", b"good", "laptop"),
        (b"Basic eA==", b"good", "laptop"),
    ],
)
def test_a_client_key_opens_and_the_domain_goes_up(
    access: Make, authorization: bytes | None, api_key: bytes | None, name: str
) -> None:
    admission = access(a__example=UPSTREAM | KEYS).admit(HOST, authorization, api_key)
    hidden = (b"disabled",) if authorization == b"Bearer disabled" else ()  # the others are too short to be found
    upstream = ((b"x-api-key", b"sk-ant-domain"),)
    assert admission == Admission("a.example", "acc", name, BOTH, upstream, hide=hidden)


@pytest.mark.parametrize(
    ("authorization", "api_key", "why"),
    [
        (None, None, "missing_key"),
        (b"", b"", "missing_key"),
        (b"Basic Z29vZA==", None, "wrong_scheme"),
        (b"good", None, "wrong_scheme"),
        (b"Bearer", None, "wrong_scheme"),
        (b"Bearer ", None, "wrong_scheme"),
        (b"Bearergood", None, "wrong_scheme"),
        (b"Bearer goo", None, "wrong_key"),
        (b"Bearer goodd", None, "wrong_key"),
        (b"Bearer GOOD", None, "wrong_key"),
        (b"Bearer go od", None, "wrong_key"),
        (b"Bearer good, Bearer good", None, "wrong_key"),
        (b"Bearer good\tx", None, "wrong_key"),
        (b"Bearer Bearer good", None, "wrong_key"),
        (None, b"Bearer good", "wrong_key"),
        (None, b" good", "wrong_key"),
        (None, b"sk-ant-domain", "wrong_key"),
        (b"Bearer theirs", b"theirs", "wrong_key"),
        (b"Basic eA==", b"theirs", "wrong_key"),
        (b"Bearer disabled", None, "disabled_key"),
        (None, b"expired", "expired_key"),
        (b"Bearer expired", b"theirs", "expired_key"),
    ],
)
def test_a_refusal_says_what_is_wrong(
    access: Make, authorization: bytes | None, api_key: bytes | None, why: str
) -> None:
    assert reason(access(a__example=UPSTREAM | KEYS), authorization, api_key) == why


@given(authorization=st.none() | BEARERS | st.binary(max_size=30), api_key=st.none() | SECRETS | st.binary(max_size=30))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_is_sent_only_a_key_opens_and_no_key_goes_up(
    access: Make, authorization: bytes | None, api_key: bytes | None
) -> None:
    made = access(PASSING, a__example=KEYS)
    shown = {b"authorization": (authorization or b"").removeprefix(b"Bearer "), b"x-api-key": api_key}
    try:
        admission = made.admit(HOST, authorization, api_key)
    except Refusal:
        assert not {b"good", b"single", b"young"} & set(shown.values())
        return
    assert {b"good", b"single", b"young"} & {shown[name] for name in admission.drop}
    passing = {secret for name, secret in shown.items() if name not in admission.drop}
    assert not passing & {b"good", b"single", b"young", b"disabled", b"expired"}


def test_the_hash_of_a_key_is_no_key(access: Make) -> None:
    made = access(a__example=UPSTREAM | KEYS)
    assert reason(made, b"Bearer " + hash_of("good").encode()) == "wrong_key"
    assert reason(made, None, hash_of("good").removeprefix("sha256:").encode()) == "wrong_key"


def test_who_has_no_key_learns_of_no_domain_whether_it_exists(access: Make) -> None:
    made = access(a__example=UPSTREAM | KEYS, b__example=UPSTREAM)
    said = set()
    for host in (b"a.example", b"nowhere.example"):
        for authorization in (None, b"Basic x"):
            with pytest.raises(Refusal) as refused:
                made.admit(host, authorization, None)
            said.add((authorization, refused.value.message))
    assert len(said) == 2


def test_a_key_of_one_domain_opens_no_other(access: Make) -> None:
    made = access(b__example=UPSTREAM | KEYS, a__example=UPSTREAM | {"client_api_key": "other"})
    assert made.admit(b"b.example", b"Bearer good", None).key_name == "laptop"
    assert reason(made, b"Bearer good") == "wrong_key"


def test_an_unknown_domain_is_closed_as_soon_as_another_is_configured(access: Make) -> None:
    made = access(b__example=UPSTREAM)
    assert reason(made) == "missing_key"
    assert reason(made, b"Bearer any") == "no_key_configured"


def test_on_this_machine_a_domain_without_keys_is_open(access: Make) -> None:
    admission = access(a__example=UPSTREAM).admit(HOST, b"Bearer dummy", None)
    assert admission == Admission("a.example", "acc", None, BOTH, ((b"x-api-key", b"sk-ant-domain"),))


def test_where_others_reach_us_a_domain_without_keys_is_closed_unless_the_operator_opens_it(access: Make) -> None:
    files = {"a__example": UPSTREAM, "b__example": UPSTREAM | KEYS}
    assert reason(access(Policy(is_private=False), **files), b"Bearer dummy") == "no_key_configured"
    assert access(OPEN).admit(HOST, None, None).key_name is None


def test_client_auth_can_be_asked_for_everywhere_and_nowhere(access: Make) -> None:
    always, never = Policy(is_private=True, enable_client_auth=True), Policy(is_private=True, enable_client_auth=False)
    assert reason(access(always)) == "missing_key"
    assert reason(access(always), None, b"any") == "no_key_configured"
    made = access(never, a__example=UPSTREAM | KEYS)
    assert made.admit(HOST, None, None).key_name is None
    assert made.admit(HOST, None, b"good").key_name == "laptop"
    assert made.admit(HOST, None, b"disabled").key_name is None


@pytest.mark.parametrize(
    ("authorization", "api_key", "dropped"),
    [
        (b"Bearer good", b"theirs", {b"authorization"}),
        (b"Bearer theirs", b"good", {b"x-api-key"}),
        (b"Bearer good", b"single", {b"authorization", b"x-api-key"}),
        (b"Bearer good", b"expired", {b"authorization", b"x-api-key"}),
        (b"Bearer good", None, {b"authorization"}),
    ],
)
def test_without_a_credential_of_the_domain_only_our_key_is_dropped(
    access: Make, authorization: bytes | None, api_key: bytes | None, dropped: set[bytes]
) -> None:
    admission = access(PASSING, a__example=KEYS).admit(HOST, authorization, api_key)
    assert admission == Admission("a.example", None, "laptop", frozenset(dropped))


def test_a_clients_own_credential_passes_a_configured_domain_only_where_that_is_allowed(access: Make) -> None:
    assert reason(access(a__example=KEYS), b"Bearer good", b"theirs") == "no_credential"
    forbidding = Policy(is_private=True, pass_client_credentials=False)
    assert access(forbidding, a__example=UPSTREAM).admit(HOST, None, b"theirs").add


def test_unconfigured_a_clients_own_credential_can_be_kept_back(access: Make) -> None:
    assert reason(access(Policy(is_private=True, pass_client_credentials=False)), None, b"theirs") == "no_credential"


@pytest.mark.parametrize(("expires", "stale"), [(NOW + 61, False), (NOW + 59, True), (NOW - 1, True)])
def test_a_login_is_stale_a_minute_before_it_expires(access: Make, expires: float, stale: bool) -> None:
    made = access(a__example=login(expires))
    admission = made.admit(HOST, None, None)
    assert admission.add == ((b"authorization", b"Bearer token"),)
    assert (admission.beta, admission.stale) == (OAUTH_BETA, stale)


def login(expires: float, token: str = "token") -> dict[str, Any]:
    return {"type": "oauth", "oauth": {"accessToken": token, "refreshToken": "r", "expiresAt": expires * 1000}}


async def test_a_stale_login_is_refreshed_and_the_new_token_goes_up(access: Make, tmp_path: Path) -> None:
    class Refresher:
        async def refresh(self, path: Path) -> None:
            path.write_text(json.dumps(login(NOW + 3600, "new") | KEYS))

    made = access(refresher=Refresher(), a__example=login(NOW + 10) | KEYS)
    stale = made.admit(HOST, b"Bearer good", None)
    fresh = await made.fresh(stale)
    assert (fresh.add, fresh.stale, fresh.key_name) == (((b"authorization", b"Bearer new"),), False, "laptop")
    assert made.admit(HOST, b"Bearer good", None) == fresh
    assert await made.fresh(fresh) is fresh


@pytest.mark.parametrize(
    ("policy", "files"),
    [
        (Policy(is_private=False), {}),
        (Policy(is_private=False), {"a__example": UPSTREAM}),
        (Policy(is_private=False, enable_client_auth=False), {"a__example": KEYS}),
    ],
)
def test_an_open_gateway_that_nobody_asked_for_does_not_start(
    access: Make, policy: Policy, files: dict[str, Any]
) -> None:
    with pytest.raises(UserError, match="ALLOW_OPEN_GATEWAY"):
        access(policy, **files)


@pytest.mark.parametrize(
    ("policy", "files"),
    [
        (Policy(is_private=False), {"a__example": KEYS}),
        (Policy(is_private=False, enable_client_auth=True), {}),
        (OPEN, {}),
        (LOCAL, {}),
    ],
)
def test_a_gateway_that_is_closed_or_meant_to_be_open_starts(
    access: Make, policy: Policy, files: dict[str, Any]
) -> None:
    assert access(policy, **files).trouble == ""


def test_a_folder_in_the_users_home_is_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("CREDENTIALS_DIR", "~/keys")
    assert AccessSettings(_env_file=None).credentials_dir == tmp_path / "keys"


def test_trouble_counts_and_names_no_domain(access: Make) -> None:
    ended = {"type": "oauth", "oauth": {"accessToken": "t", "expiresAt": (NOW - 1) * 1000}}
    made = access(a__example={"type": "api_key"}, b__example=ended, c__example=UPSTREAM)
    assert made.trouble == (
        "1 of 3 credential files cannot be used and 1 of 3 logins at Claude have ended: `plait credentials` says which"
    )
