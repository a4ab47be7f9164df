"""What a developer is told to set, and by which address a domain is reached."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plait.cli.client.gateway import address_of, domain_at, find
from plait.cli.client.setup import Setup
from plait.common.errors import UserError

USUAL = "http://127.0.0.1:3000"
KEYS = {"client_api_keys": [{"name": "ada", "hash": "sha256:" + "0" * 64}]}
API_KEY = {"type": "api_key", "api_key": "sk-ant-1"}


def credential(folder: Path, domain: str, content: dict[str, Any]) -> None:
    path = folder / f"{domain}.credentials.json"
    path.write_text(json.dumps(content))
    path.chmod(0o600)


@pytest.mark.parametrize(
    ("domain", "address"),
    [
        ("gw.example.com", "https://gw.example.com"),
        ("localhost:4000", "http://localhost:4000"),
        ("localhost", "http://localhost:3000"),
        ("127.0.0.1:4000", "http://127.0.0.1:4000"),
        ("10.0.0.7", "http://10.0.0.7:3000"),
        ("[::1]", "http://[::1]:3000"),
        ("_default", USUAL),
    ],
)
def test_the_address_of_a_domain_sends_its_name(domain: str, address: str) -> None:
    assert address_of(domain, USUAL) == address
    assert domain == "_default" or domain_at(address).startswith(domain)


def test_a_pattern_has_no_address() -> None:
    with pytest.raises(UserError, match=r"name one host below example\.com"):
        address_of("*.example.com", USUAL)


@pytest.mark.parametrize("url", ["gw.example.com", "ftp://gw", "http://", "http://_default", "http://*.example.com"])
def test_what_is_no_base_address_is_refused(url: str) -> None:
    with pytest.raises(UserError, match="is no base address"):
        domain_at(url)


def test_without_credential_files_the_clients_own_key_passes(tmp_path: Path) -> None:
    found = find(tmp_path / "none", domain=None, url=None, usual=USUAL)
    assert (found.url, found.domain, found.key) == (USUAL, "127.0.0.1:3000", None)


@pytest.mark.parametrize(
    ("held", "asked", "url", "key"),
    [
        (API_KEY | KEYS, {"domain": "GW.example.com"}, "https://gw.example.com", "YOUR_KEY"),
        (API_KEY, {"domain": "gw.example.com"}, "https://gw.example.com", "YOUR_KEY"),
        (API_KEY | KEYS, {"url": "http://localhost:3000/"}, "http://localhost:3000", "YOUR_KEY"),
        (API_KEY, {"domain": "localhost"}, "http://localhost:3000", "unused"),
        (API_KEY, {}, USUAL, "unused"),
        (KEYS, {}, USUAL, "YOUR_KEY"),
        ({}, {}, USUAL, None),
    ],
)
def test_which_key_a_client_shows(
    tmp_path: Path, held: dict[str, Any], asked: dict[str, str], url: str, key: str | None
) -> None:
    credential(tmp_path, "_default", held)
    found = find(tmp_path, domain=asked.get("domain"), url=asked.get("url"), usual=USUAL)
    assert (found.url, found.key) == (url, key)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"domain": "other.example.com"}, "No good credential file is for other.example.com"),
        ({"domain": "a b"}, "a b is no domain"),
        ({}, r"No good credential file is for 127\.0\.0\.1:3000: .* knows gw\.example\.com"),
        ({"domain": "gw.example.com", "url": USUAL}, "are not of gw.example.com"),
    ],
)
def test_what_the_gateway_would_refuse_is_refused_here(tmp_path: Path, asked: dict[str, str], said: str) -> None:
    credential(tmp_path, "gw.example.com", API_KEY | KEYS)
    with pytest.raises(UserError, match=said):
        find(tmp_path, domain=asked.get("domain"), url=asked.get("url"), usual=USUAL)


@given(key=st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1))
def test_a_key_survives_every_form_that_it_is_written_in(key: str) -> None:
    setup = Setup("https://gw.example.com", key)
    exports = [shlex.split(line)[1] for line in setup.shell().splitlines() if line.startswith("export ")]
    assert dict(each.split("=", 1) for each in exports) == setup.env == json.loads(setup.settings())["env"]
    assert f"authorization: Bearer {key}" in shlex.split(setup.curl())
    assert compile(setup.python(), "snippet", "exec").co_consts.count(key) == 1


def test_an_administrators_file_holds_nobodys_key() -> None:
    env = json.loads(Setup("https://gw.example.com", "secret").managed_settings())["env"]
    assert env == {
        "ANTHROPIC_BASE_URL": "https://gw.example.com",
        "CLAUDE_CODE_GATEWAY_HINT_HEADERS": "1",
        "CLAUDE_CODE_ENABLE_GATEWAY_MODEL_DISCOVERY": "1",
    }


def test_without_a_key_nothing_is_said_of_one() -> None:
    setup = Setup(USUAL)
    assert "ANTHROPIC_AUTH_TOKEN" not in setup.env
    assert "auth" not in (setup.python() + setup.typescript()).lower().replace("anthropic", "")
    assert '"x-api-key: $ANTHROPIC_API_KEY"' in setup.curl()
