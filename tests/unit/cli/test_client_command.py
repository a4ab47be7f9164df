"""`plait client`: what it prints, and what it writes into Claude Code's settings."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from plait.cli.home import Addresses, Home
from plait.cli.main import main
from plait.common.access.keys import hash_of

KEYS = [
    {"name": "ada", "hash": hash_of("plait_k")},
    {"name": "bob", "hash": hash_of("plait_off"), "disabled": True},
]
DOMAIN = "gw.example.com"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with a domain that needs a key; also where `~` is."""
    for name in ("CREDENTIALS_DIR", "GATEWAY_URL", "ENABLE_CLIENT_AUTH", "PASS_CLIENT_CREDENTIALS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    file = tmp_path / "credentials" / f"{DOMAIN}.credentials.json"
    file.parent.mkdir()
    file.write_text(json.dumps({"type": "api_key", "api_key": "sk-ant-upstream", "client_api_keys": KEYS}))
    file.chmod(0o600)
    return tmp_path


def plait(home: Path, *arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(["client", *arguments, "--home", str(home)])
    assert isinstance(ended.value.code, int)
    return ended.value.code


def test_it_says_all_that_a_developer_needs_and_no_secret(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert plait(home, DOMAIN) == 0
    said = capsys.readouterr().out
    assert f"Put a client's key in place of YOUR_KEY: `plait keys new {DOMAIN}` makes one." in said
    for line in (
        f"export ANTHROPIC_BASE_URL=https://{DOMAIN}",
        "export ANTHROPIC_AUTH_TOKEN=YOUR_KEY",
        "export CLAUDE_CODE_GATEWAY_HINT_HEADERS=1",
        "/etc/claude-code/managed-settings.json",
        f'client = Anthropic(base_url="https://{DOMAIN}", auth_token="YOUR_KEY")',
        f'const client = new Anthropic({{ baseURL: "https://{DOMAIN}", authToken: "YOUR_KEY" }});',
        f"curl https://{DOMAIN}/v1/messages -H 'authorization: Bearer YOUR_KEY' \\",
    ):
        assert line in said
    assert "sk-ant-upstream" not in said


def test_it_writes_into_the_usual_settings_file(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = home / ".claude" / "settings.json"
    path.parent.mkdir()
    path.write_text(json.dumps({"model": "opus", "env": {"MINE": "1", "ANTHROPIC_BASE_URL": "http://old"}}))
    assert plait(home, DOMAIN, "--key", "plait_k", "--write") == 0
    assert json.loads(path.read_text()) == {
        "model": "opus",
        "env": {
            "MINE": "1",
            "ANTHROPIC_BASE_URL": f"https://{DOMAIN}",
            "ANTHROPIC_AUTH_TOKEN": "plait_k",
            "CLAUDE_CODE_GATEWAY_HINT_HEADERS": "1",
            "CLAUDE_CODE_ENABLE_GATEWAY_MODEL_DISCOVERY": "1",
        },
    }
    assert "plait_k" not in capsys.readouterr().out


def test_a_key_that_is_there_stays_when_none_is_given(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = home / "settings.json"
    path.write_text(json.dumps({"env": {"ANTHROPIC_AUTH_TOKEN": "mine"}}))
    assert plait(home, DOMAIN, "--write", str(path)) == 0
    assert json.loads(path.read_text())["env"]["ANTHROPIC_AUTH_TOKEN"] == "mine"
    assert "The rest of it is as it was. ANTHROPIC_AUTH_TOKEN stays as it was, too." in capsys.readouterr().out


def test_nothing_is_said_of_what_a_new_file_had_before(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert plait(home, DOMAIN, "--key", "plait_k", "--write", str(home / "new.json")) == 0
    assert "as it was" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("key", "fault"), [("plait_K", "The key is none of"), ("plait_off", "The key `bob` of gw.example.com is disabled")]
)
def test_a_key_that_lets_nobody_in_is_not_written(
    home: Path, capsys: pytest.CaptureFixture[str], key: str, fault: str
) -> None:
    path = home / "settings.json"
    assert plait(home, DOMAIN, "--key", key, "--write", str(path)) == 1
    assert fault in capsys.readouterr().err
    assert not path.exists()


@pytest.mark.parametrize(("port", "is_warned"), [(3000, True), (3110, False)])
def test_another_port_than_the_running_gateways_is_warned_of(
    home: Path, capsys: pytest.CaptureFixture[str], port: int, is_warned: bool
) -> None:
    (home / "credentials" / f"{DOMAIN}.credentials.json").rename(home / "credentials" / "_default.credentials.json")
    place = Home(home)
    place.create()
    place.remember(Addresses(gateway=3110, api=1, dashboard=None, postgres=1, broker=1))
    with place.lock():
        assert plait(home, f"localhost:{port}") == 0
    warning = "Warning: the gateway on this machine listens on http://127.0.0.1:3110.\n"
    assert (warning in capsys.readouterr().err) is is_warned


def test_no_placeholder_is_ever_written(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = home / "settings.json"
    assert plait(home, DOMAIN, "--write", str(path)) == 1
    assert f"{DOMAIN} needs a key: give it with --key" in capsys.readouterr().err
    assert not path.exists()


def test_a_key_may_come_from_the_standard_input(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("plait_k\n"))
    path = home / "settings.json"
    assert plait(home, DOMAIN, "--key", "-", "--write", str(path)) == 0
    assert json.loads(path.read_text())["env"]["ANTHROPIC_AUTH_TOKEN"] == "plait_k"


def test_a_settings_file_that_is_none_is_left(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = home / "settings.json"
    path.write_text("not JSON")
    assert plait(home, DOMAIN, "--key", "plait_k", "--write", str(path)) == 1
    assert "is not JSON (line 1, column 1): mend it, or name another file." in capsys.readouterr().err
    assert path.read_text() == "not JSON"


def test_the_gateways_own_address_may_be_set(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GATEWAY_URL", f"http://{DOMAIN}:8080")
    assert plait(home) == 0
    assert f"export ANTHROPIC_BASE_URL=http://{DOMAIN}:8080\n" in capsys.readouterr().out


def test_a_key_is_made_in_the_file_that_is_in_force(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = home / "credentials"
    (folder / f"{DOMAIN}.credentials.json").rename(folder / "*.example.com.credentials.json")
    assert plait(home, DOMAIN) == 0
    assert "`plait keys new '*.example.com'` makes one." in capsys.readouterr().out


def test_that_nobody_gets_through_is_said(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (home / "credentials" / f"{DOMAIN}.credentials.json").write_text(json.dumps({"client_api_keys": KEYS}))
    assert plait(home, DOMAIN) == 0
    assert f"Nobody gets through it: no credential for Claude: `plait login {DOMAIN}`" in capsys.readouterr().out


def test_who_brings_a_credential_of_his_own_is_told_where(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PASS_CLIENT_CREDENTIALS", "true")
    (home / "credentials" / f"{DOMAIN}.credentials.json").write_text(json.dumps({"client_api_keys": KEYS}))
    assert plait(home, DOMAIN) == 0
    said = capsys.readouterr().out
    assert "own credential for Claude goes in the other of the two headers" in said
    assert "Nobody gets through" not in said
