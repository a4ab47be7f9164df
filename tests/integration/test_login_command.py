"""`plait login` with a token server: a person opens the address and pastes what the page shows."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from plait.cli.main import main
from plait.fakes import tokens
from plait.fakes.claude import ScriptedClaude
from plait.fakes.tokens import TokenServer

DOMAIN = "gw.example.com"


@dataclass
class Terminal:
    """The command, and somebody before it who does what it says."""

    home: Path
    server: TokenServer
    screen: pytest.CaptureFixture[str]
    patience: bool = True
    """Whether they paste the code; else they close the terminal."""

    async def plait(self, *arguments: str) -> tuple[int, str, str]:
        """Exit status, standard output and standard error of `plait login`."""
        status = await asyncio.to_thread(self._run, ["login", *arguments, "--home", str(self.home)])
        said = self.screen.readouterr()
        return status, said.out, said.err

    def readline(self) -> str:
        """What they type."""
        address = next(line.strip() for line in self.screen.readouterr().out.splitlines() if "/authorize?" in line)
        self.shown = self.server.authorize(address)
        return f"{self.shown}\n" if self.patience else ""

    def _run(self, arguments: list[str]) -> int:
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        assert isinstance(ended.value.code, int)
        return ended.value.code

    @property
    def path(self) -> Path:
        return self.home / "credentials" / f"{DOMAIN}.credentials.json"

    @property
    def access_token(self) -> str:
        """The one in the credential file."""
        token: str = json.loads(self.path.read_bytes())["oauth"]["accessToken"]
        return token


@pytest.fixture
async def terminal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> AsyncIterator[Terminal]:
    async with ScriptedClaude() as claude:
        terminal = Terminal(tmp_path / "home", TokenServer(), capsys)
        claude.rules.append(terminal.server.answer)
        monkeypatch.delenv("CREDENTIALS_DIR", raising=False)
        monkeypatch.setenv("OAUTH_TOKEN_URL", claude.url + tokens.PATH)
        monkeypatch.setattr("sys.stdin", terminal)
        yield terminal


async def test_a_person_logs_in_looks_and_refreshes(terminal: Terminal) -> None:
    status, said, _ = await terminal.plait(DOMAIN)
    assert status == 0
    assert f"{DOMAIN} is logged in until 20" in said
    assert f"It has no client keys: `plait keys new {DOMAIN}` makes one." in said
    first = terminal.access_token
    assert first in terminal.server.access
    assert first not in said

    status, said, _ = await terminal.plait("--status")
    assert (status, said.startswith(f"✓ {DOMAIN} "), "then refreshed" in said) == (0, True, True)

    status, said, _ = await terminal.plait("--refresh")
    assert (status, said.startswith(f"{DOMAIN} is good until 20")) == (0, True)
    assert terminal.access_token in terminal.server.access - {first}


async def test_the_code_may_be_given_to_another_call(terminal: Terminal) -> None:
    terminal.patience = False
    status, said, _ = await terminal.plait(DOMAIN)
    assert (status, said) == (1, f"\nWhen you have the code: plait login {DOMAIN} --code 'CODE#STATE'\n")
    assert (await terminal.plait(DOMAIN, "--code", terminal.shown))[0] == 0
    assert terminal.access_token in terminal.server.access


async def test_a_login_that_has_ended_is_told_with_its_cure(terminal: Terminal) -> None:
    await terminal.plait(DOMAIN)
    terminal.server.instead.append(tokens.INVALID_GRANT)
    status, _, said = await terminal.plait(DOMAIN, "--refresh")
    assert status == 1
    assert f"(invalid_grant). Log in again with `plait login {DOMAIN}`." in " ".join(said.split())
    held = json.loads(terminal.path.read_bytes())
    held["oauth"] |= {"expiresAt": 0, "refreshToken": None}
    terminal.path.write_text(json.dumps(held))
    status, said, _ = await terminal.plait("--status")
    assert (status, f"expired 1970-01-01 00:00 UTC: `plait login {DOMAIN}` renews it" in said) == (1, True)


async def test_without_any_login_there_is_nothing_to_show(terminal: Terminal) -> None:
    status, said, _ = await terminal.plait("--status")
    assert status == 0
    assert "There is no login in" in said


@pytest.mark.parametrize(
    ("arguments", "status", "says"),
    [
        ([], 2, "name a domain, or give one of --status and --refresh"),
        ([DOMAIN, "--status", "--refresh"], 2, "name a domain, or give one of --status and --refresh"),
        ([DOMAIN, "--refresh"], 1, f"`plait login {DOMAIN}` makes one"),
        ([DOMAIN, "--code", "a#b"], 1, "No login has been begun here"),
        (["no domain"], 2, "no domain is no domain"),
    ],
)
async def test_what_cannot_be_done_is_said(terminal: Terminal, arguments: list[str], status: int, says: str) -> None:
    ended, _, said = await terminal.plait(*arguments)
    assert ended == status
    assert says in " ".join(said.split())


async def test_a_login_does_not_hide_the_file_that_is_in_force_unless_told_to(terminal: Terminal) -> None:
    terminal.path.parent.mkdir(parents=True)
    terminal.path.with_name("*.example.com.credentials.json").write_text('{"client_api_key": "k"}')
    status, _, said = await terminal.plait(DOMAIN)
    assert (status, terminal.path.exists()) == (1, False)
    assert f"The file of *.example.com is in force for {DOMAIN}: name '*.example.com'" in " ".join(said.split())
    assert (await terminal.plait(DOMAIN, "--own-file"))[0] == 0
    assert terminal.access_token in terminal.server.access
