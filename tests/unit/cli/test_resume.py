"""`plait resume` before it reaches Claude Code."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest

from plait.cli.client.session_file import path_of, write
from plait.cli.commands import resuming
from plait.cli.commands.resuming import resume
from plait.cli.home import Addresses, Home
from plait.common.errors import UserError
from tests.ports import free_port

NAME = UUID(int=7)


def test_a_folder_has_the_name_that_the_client_gives_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(tmp_path))
    found = path_of(Path("/home/me/my_proj.x"), NAME)
    assert found == tmp_path / "projects" / "-home-me-my-proj-x" / f"{NAME}.jsonl"


def test_the_usual_place_is_in_the_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CLAUDE_CONFIG_DIR", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert path_of(Path("/x"), NAME).is_relative_to(tmp_path / ".claude" / "projects" / "-x")


def test_a_session_is_written_once_for_its_user_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(tmp_path))
    path = write(Path("/x"), NAME, b"{}\n")
    assert path.read_bytes() == b"{}\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with pytest.raises(UserError, match="File exists"):
        write(Path("/x"), NAME, b"")


def test_who_is_not_there_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(tmp_path))
    monkeypatch.setenv("DASHBOARD_API_KEY", "key")
    with pytest.raises(UserError, match="cannot be reached"):
        resume(NAME, print_=True, url=f"http://127.0.0.1:{free_port()}", home=tmp_path)
    assert not (tmp_path / "projects").exists()


def test_an_address_and_a_key_are_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DASHBOARD_API_KEY", "GATEWAY_URL"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(UserError, match="Where is Plait"):
        resume(NAME, home=tmp_path)
    with pytest.raises(UserError, match="Which key"):
        resume(NAME, url="http://127.0.0.1:1", home=tmp_path)


@pytest.fixture
def running(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    """A home whose gateway is at port 3100, and a read API that has the session."""
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(tmp_path / "claude"))
    monkeypatch.setenv("DASHBOARD_API_KEY", "key")
    for name in ("GATEWAY_URL", "ANTHROPIC_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(resuming, "_fetch", lambda *_: b"{}\n")
    home = Home(tmp_path / "home")
    home.create()
    home.remember(Addresses(gateway=3100, api=3102, dashboard=None, postgres=None, broker=None))
    with home.lock():
        yield home


def told(capsys: pytest.CaptureFixture[str]) -> tuple[str, str]:
    """The command without the session's id, and what was said beside it."""
    said = capsys.readouterr()
    command, session = said.out.strip().rsplit(" ", 1)
    assert UUID(session)
    assert f"{session}.jsonl" in said.err
    return command, said.err


def test_the_client_is_sent_to_the_gateway_of_the_home(running: Home, capsys: pytest.CaptureFixture[str]) -> None:
    resume(NAME, print_=True, home=running.path)
    assert told(capsys)[0] == "ANTHROPIC_BASE_URL=http://127.0.0.1:3100 claude --resume"


def test_the_client_is_sent_to_the_gateway_that_the_settings_name(
    running: Home, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GATEWAY_URL", "https://claude.example.com")
    resume(NAME, print_=True, home=running.path)
    assert told(capsys)[0] == "ANTHROPIC_BASE_URL=https://claude.example.com claude --resume"


def test_the_gateway_of_the_shell_stays(
    running: Home, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANTHROPIC_BASE_URL", "https://claude.example.com")
    resume(NAME, print_=True, home=running.path)
    assert told(capsys)[0] == "claude --resume"


def test_an_address_that_may_be_the_read_api_is_no_gateway(running: Home, capsys: pytest.CaptureFixture[str]) -> None:
    resume(NAME, print_=True, url="http://127.0.0.1:3102", home=running.path)
    command, said = told(capsys)
    assert command == "claude --resume"
    assert "set ANTHROPIC_BASE_URL to the gateway's address" in said


def test_claude_code_takes_our_place_with_the_gateway(running: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[dict[str, str]] = []
    monkeypatch.setattr(shutil, "which", lambda name: f"/bin/{name}")
    monkeypatch.setattr(os, "execve", lambda _program, _command, env: started.append(env))
    resume(NAME, home=running.path)
    assert [env["ANTHROPIC_BASE_URL"] for env in started] == ["http://127.0.0.1:3100"]
