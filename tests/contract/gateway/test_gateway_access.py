"""Domains, their keys and their credentials, through a real gateway."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from plait.common.errors import UserError
from plait.fakes.answers import json_answer
from plait.fakes.claude import ScriptedClaude
from plait.fakes.client import call
from plait.fakes.http1 import Header
from plait.gateway.spool.records import Request
from tests.contract.gateway.credential_files import (
    DOMAIN,
    KEYS,
    LOGIN,
    UPSTREAM,
    ask,
    bearer,
    credentials_seen,
    until,
    write,
)
from tests.contract.gateway.relaying import MESSAGES, Gateway, error_of, relaying

HOW = "Send the gateway's key as `Authorization: Bearer KEY` or `x-api-key: KEY`."
BETA = "oauth-2025-04-20"
REFUSED: list[tuple[list[Header], str]] = [
    ([], f"No key was sent. {HOW}"),
    ([("Authorization", "Basic Z29vZC1rZXk=")], f"The Authorization header does not hold a Bearer token. {HOW}"),
    ([bearer("good-ke")], "The key is none of the domain a.example."),
    ([("x-api-key", "GOOD-KEY")], "The key is none of the domain a.example."),
    ([bearer("sk-ant-of-the-domain")], "The key is none of the domain a.example."),
    ([bearer("disabled-key")], "The key `off` is disabled."),
    ([("X-Api-Key", "expired-key")], "The key `old` expired at 2020-01-02 03:04 UTC."),
]
BETAS = [
    ([], [BETA]),
    (["a, b"], [f"a, b,{BETA}"]),
    (["a", "b"], ["a", f"b,{BETA}"]),
    ([f"a, {BETA},b"], [f"a, {BETA},b"]),
    ([BETA, "c"], [BETA, "c"]),
]
TO_CLAUDE = [("GET", "/v1/models"), ("HEAD", "/"), ("GET", "/api/hello"), ("POST", "/t/x/v1/messages")]


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


async def test_who_is_not_let_in_is_told_why(gateway: Gateway, claude: ScriptedClaude) -> None:
    for headers, message in REFUSED:
        received = await ask(gateway, *headers)
        assert received.status == 401
        assert error_of(received.body) == ("authentication_error", message)
        assert ("www-authenticate", "Bearer") in received.headers
        assert gateway.records(received.request_id) == [], "who is not let in fills no disk"
    assert claude.calls == []


async def test_an_unknown_domain_lets_nobody_in(gateway: Gateway, claude: ScriptedClaude) -> None:
    received = await ask(gateway, bearer("good-key"), host="unknown.example")
    assert received.status == 401
    assert error_of(received.body)[1] == "No client key is configured for the domain unknown.example."
    assert claude.calls == []


async def test_every_way_to_claude_is_behind_the_key(gateway: Gateway, claude: ScriptedClaude) -> None:
    host = ("Host", DOMAIN)
    asked = [
        await call(gateway.port, method, target, [host])
        for method, target in [
            ("GET", "/v1/models"),
            ("HEAD", "/"),
            ("GET", "/api/hello"),
            ("POST", "/t/x/v1/messages"),
        ]
    ]
    assert [received.status for received in asked] == [401] * 4
    assert claude.calls == []
    assert (await call(gateway.port, "GET", "/health/ready", [host])).status == 200


@pytest.mark.parametrize(
    "header", [bearer("good-key"), ("x-api-key", "good-key"), ("AUTHORIZATION", "bearer good-key")]
)
async def test_the_domain_goes_up_in_the_clients_place(
    gateway: Gateway, claude: ScriptedClaude, header: Header
) -> None:
    received = await ask(gateway, header, ("anthropic-version", "2031-01-01"), ("anthropic-beta", "x"))
    assert received.status == 200
    [seen] = claude.calls
    assert (seen.header("x-api-key"), seen.header("authorization")) == ("sk-ant-of-the-domain", None)
    assert (seen.header("anthropic-version"), seen.header("anthropic-beta")) == ("2031-01-01", "x")
    request, *_ = gateway.records(received.request_id)
    assert isinstance(request, Request)
    assert (request.domain, request.account_id, request.key_name) == (DOMAIN, "acc", "laptop")


async def test_the_host_is_put_into_its_normal_form(gateway: Gateway, claude: ScriptedClaude) -> None:
    assert (await ask(gateway, bearer("single-key"), host="A.EXAMPLE.:8443")).status == 200


@pytest.mark.parametrize("other", [bearer("theirs"), ("Authorization", "Basic dGhlaXJz")])
async def test_a_clients_own_credential_is_never_mixed_with_the_domains(
    gateway: Gateway, claude: ScriptedClaude, other: Header
) -> None:
    assert (await ask(gateway, other, ("x-api-key", "good-key"))).status == 200
    assert credentials_seen(claude) == [("x-api-key", "sk-ant-of-the-domain")]


async def test_a_login_goes_up_as_a_token_with_its_beta(gateway: Gateway, claude: ScriptedClaude) -> None:
    for betas, merged in BETAS:
        sent = [("anthropic-beta", beta) for beta in betas]
        assert (await ask(gateway, ("x-api-key", "dummy"), *sent, host="login.example")).status == 200
        seen = claude.calls[-1]
        assert (seen.header("x-api-key"), seen.header("authorization")) == (None, "Bearer oat-of-the-domain")
        assert [value for name, value in seen.headers if name.lower() == "anthropic-beta"] == merged


@pytest.mark.parametrize(
    ("headers", "passed"),
    [
        ([bearer("good-key"), ("x-api-key", "sk-theirs")], [("x-api-key", "sk-theirs")]),
        ([bearer("oat-theirs"), ("x-api-key", "good-key")], [("authorization", "Bearer oat-theirs")]),
        ([bearer("good-key"), ("x-api-key", "good-key")], []),
        ([bearer("disabled-key"), ("x-api-key", "good-key")], []),
        ([("Authorization", "good-key"), ("x-api-key", "good-key")], []),
        ([bearer("good-key"), ("x-api-key", "Bearer good-key")], []),
    ],
)
async def test_where_the_domain_has_no_credential_only_our_key_is_dropped(
    claude: ScriptedClaude, tmp_path: Path, folder: Path, headers: list[Header], passed: list[Header]
) -> None:
    write(folder, DOMAIN, KEYS)
    async with relaying(
        claude.url, tmp_path / "spool", credentials_dir=folder, pass_client_credentials=True
    ) as gateway:
        assert (await ask(gateway, *headers)).status == 200
    assert credentials_seen(claude) == passed


async def test_where_the_domain_has_no_credential_nothing_passes_unasked(
    gateway: Gateway, claude: ScriptedClaude, folder: Path
) -> None:
    write(folder, "bare.example", KEYS)
    shown = bearer("good-key")
    received = await until(gateway, lambda received: b"configured" not in received.body, shown, host="bare.example")
    assert error_of(received.body)[1] == (
        "The domain bare.example has no credential for Claude, and a client's own is not passed on."
    )
    assert claude.calls == []


async def test_a_credential_that_comes_twice_is_refused_where_one_could_be_ours(
    claude: ScriptedClaude, tmp_path: Path, folder: Path
) -> None:
    write(folder, DOMAIN, KEYS)
    async with relaying(
        claude.url, tmp_path / "spool", credentials_dir=folder, pass_client_credentials=True
    ) as gateway:
        received = await ask(gateway, ("x-api-key", "good-key"), bearer("theirs"), bearer("single-key"))
    assert received.status == 400
    assert error_of(received.body)[1] == "The Authorization or x-api-key header came more than once."
    assert claude.calls == []


@pytest.mark.parametrize("header", [("x-api-key", "good-key"), bearer("good-key"), ("X-Api-Key", "wrong")])
@pytest.mark.parametrize("host", [DOMAIN, "unknown.example"])
async def test_a_doubled_key_is_told_to_be_doubled(gateway: Gateway, header: Header, host: str) -> None:
    received = await ask(gateway, header, header, host=host)
    assert received.status == 400
    assert error_of(received.body)[1] == "The Authorization or x-api-key header came more than once."


async def test_a_doubled_key_goes_to_nobody_where_none_is_asked_for(
    claude: ScriptedClaude, tmp_path: Path, folder: Path
) -> None:
    write(folder, DOMAIN, KEYS)
    open_to_all = {"enable_client_auth": False, "pass_client_credentials": True}
    async with relaying(claude.url, tmp_path / "spool", credentials_dir=folder, **open_to_all) as gateway:
        assert (await ask(gateway, bearer("good-key"), bearer("good-key"))).status == 400
        assert claude.calls == []
        assert (await ask(gateway, bearer("theirs"), bearer("theirs"))).status == 200


async def test_a_key_of_ours_goes_up_under_no_name(gateway: Gateway, claude: ScriptedClaude) -> None:
    named = [("X-Other", "good-key"), ("X-Text", "my good-key, twice"), ("X-Kept", "good-ke y")]
    assert (await ask(gateway, bearer("good-key"), *named)).status == 200
    [seen] = claude.calls
    assert [name.lower() for name, _ in seen.headers if name[:2] in ("x-", "X-")] == ["x-kept", "x-api-key"]


async def test_no_key_and_no_credential_is_in_the_record(gateway: Gateway, claude: ScriptedClaude) -> None:
    received = await ask(gateway, bearer("good-key"), ("x-api-key", "theirs"), ("Cookie", "c=good-key"))
    assert received.status == 200
    spool = gateway.raw_spool()
    assert received.request_id
    assert [secret for secret in (b"good-key", b"theirs", b"of-the-domain") if secret in spool] == []


async def test_no_key_that_claude_gives_back_and_none_in_a_query_is_in_the_record(
    gateway: Gateway, claude: ScriptedClaude
) -> None:
    echoes = (("x-key", "good-key"), ("x-text", "sk-ant-of-the-domain, was it?"))
    claude.rules[:] = [lambda _: json_answer({}, headers=echoes)]
    target = f"{MESSAGES}?a=good-key&b=kept"
    received = await call(gateway.port, "POST", target, [("Host", DOMAIN), ("x-api-key", "good-key")], b"{}")
    assert set(echoes) <= {(name.lower(), value) for name, value in received.headers}
    spool = gateway.raw_spool()
    assert [secret for secret in (b"good-key", b"sk-ant-of-the-domain") if secret in spool] == []
    assert [kept for kept in (b", was it?", b"b=kept") if kept not in spool] == []


async def test_the_network_is_not_let_in_by_an_omission(claude: ScriptedClaude, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="ALLOW_OPEN_GATEWAY=true"):
        async with relaying(claude.url, tmp_path / "spool", host="0.0.0.0"):
            pass
    async with relaying(claude.url, tmp_path / "spool", host="0.0.0.0", allow_open_gateway=True) as gateway:
        assert (await ask(gateway)).status == 200
