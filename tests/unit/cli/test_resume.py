"""`plait resume` before it reaches Claude Code."""

from __future__ import annotations

import stat
from pathlib import Path
from uuid import UUID

import pytest

from plait.cli.client.session_file import path_of, write
from plait.cli.commands.resuming import resume
from plait.cli.program import free_port
from plait.common.errors import UserError

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
