"""`plait keys` for keys that open the record."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from plait.cli import main
from plait.common.access.doors import Doors
from plait.common.access.grants import Grant
from plait.common.access.key_file import KeyFile

Run = Callable[..., tuple[int, str, str]]
_KEY = re.compile(r"plait_[A-Za-z0-9_-]{43}\n")


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CREDENTIALS_DIR", str(tmp_path / "credentials"))
    monkeypatch.setenv("KEYS_FILE", str(tmp_path / "keys.json"))
    return tmp_path / "keys.json"


@pytest.fixture
def run(file: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    def call(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            main.main(list(arguments))
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out, said.err

    return call


def granted(file: Path, key: str) -> Grant | None:
    return Doors(file=KeyFile(file)).grant_of(key.strip())


def test_a_key_is_shown_once_and_opens_what_was_said(run: Run, file: Path) -> None:
    code, key, said = run("keys", "new", "--role", "admin", "--domain", "B.test", "--domain", "a.test", "--name", "ops")
    assert (code, bool(_KEY.fullmatch(key))) == (0, True)
    assert f"Admin key `ops` of a.test, b.test. It is shown this once; {file} holds its hash:" in said
    assert granted(file, key) == Grant("ops", "admin", frozenset({"a.test", "b.test"}))
    assert key.strip() not in file.read_text()
    code, key, said = run("keys", "new", "--role", "viewer", "--expires", "30d")
    assert "Viewer key `viewer-1` of all domains, good until 20" in said
    assert granted(file, key) == Grant("viewer-1", "viewer")


def test_listed_beside_the_keys_of_clients_and_disabled(run: Run, file: Path) -> None:
    run("keys", "new", "x.test")
    _, key, _ = run("keys", "new", "--role", "viewer", "--domain", "a.test")
    code, listed, _ = run("keys", "list")
    assert code == 0
    assert re.search(r"x\.test\s+key-1\s+valid", listed)
    assert re.search(r"viewer\s+a\.test\s+viewer-1\s+valid", listed)
    assert "viewer-1" not in run("keys", "list", "x.test")[1]
    assert "`viewer-1` is disabled" in run("keys", "disable", "viewer-1")[2]
    assert granted(file, key) is None
    assert re.search(r"viewer-1\s+disabled", run("keys", "list")[1])


def test_where_clients_have_no_keys_those_of_readers_are_all_that_is_listed(run: Run, file: Path) -> None:
    run("keys", "new", "--role", "viewer")
    code, listed, notes = run("keys", "list")
    assert (code, listed.count("viewer-1"), notes) == (0, 1, "")


WRONG: list[tuple[list[str], str]] = [
    (["keys", "new"], "or give --role"),
    (["keys", "new", "x.test", "--domain", "y.test"], "`plait keys new --role viewer --domain=y.test`"),
    (["keys", "new", "--domain", "y.test"], "which have a role: `plait keys new --role viewer --domain=y.test`"),
    (["keys", "new", "--role", "viewer", "--domain", ""], "plait: An empty name is no domain"),
    (["keys", "new", "--role", "viewer", "--expires", "yesterday"], "--expires yesterday is no time"),
    (["keys", "new", "x.test", "--role", "viewer"], "to show x.test alone give --domain x.test"),
    (["keys", "new", "--role", "viewer", "--own-file"], "--own-file is for keys of clients"),
    (["keys", "new", "--role", "viewer", "--domain", "*.test"], "stands for many domains"),
    (["keys", "new", "--role", "viewer", "--domain", "a b"], "is no domain"),
]
IMPOSSIBLE: list[tuple[list[str], str]] = [
    (["keys", "new", "--role", "viewer", "--name", "ADMIN_API_KEY"], "so the one of the settings is called"),
    (["keys", "disable", "nobody"], "no key `nobody`"),
]


@pytest.mark.parametrize(("arguments", "why"), WRONG)
def test_what_is_no_call_is_told(run: Run, file: Path, arguments: list[str], why: str) -> None:
    code, out, said = run(*arguments)
    assert (code, out) == (2, "")
    assert why in said
    assert not _keys(file)


@pytest.mark.parametrize(("arguments", "why"), IMPOSSIBLE)
def test_what_cannot_be_is_told(run: Run, file: Path, arguments: list[str], why: str) -> None:
    code, out, said = run(*arguments)
    assert (code, out) == (1, "")
    assert why in said
    assert not _keys(file)


def test_a_broken_file_is_left_alone(run: Run, file: Path) -> None:
    file.write_text("{")
    assert "cannot be changed" in run("keys", "new", "--role", "viewer")[2]
    assert "cannot be used" in run("keys", "list")[2]
    assert file.read_text() == "{"


def _keys(file: Path) -> Any:
    return json.loads(file.read_text()).get("keys") if file.exists() else None
