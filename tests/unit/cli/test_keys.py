"""`plait keys` and `plait credentials` as they are called."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from plait.cli import main
from plait.cli.commands import credentials
from plait.cli.terminal import Console
from plait.common.access.keys import hash_of

Run = Callable[..., tuple[int, str, str]]
UPSTREAM = {"type": "api_key", "api_key": "sk-ant-secret", "accountId": "acc"}
_KEY = re.compile(r"plait_[A-Za-z0-9_-]{43}\n")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "credentials"
    monkeypatch.setenv("CREDENTIALS_DIR", str(path))
    return path


@pytest.fixture
def run(folder: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    def call(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            main.main(list(arguments))
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out, said.err

    return call


def write(folder: Path, domain: str, content: dict[str, Any] | str) -> None:
    folder.mkdir(exist_ok=True)
    path = folder / f"{domain}.credentials.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    path.chmod(0o600)


def rows(text: str) -> list[list[str]]:
    return [line.split("\t") for line in text.splitlines()]


def at(**since: float) -> str:
    return (datetime.now(UTC) + timedelta(**since)).isoformat()


def login(ends: timedelta, **more: str) -> dict[str, Any]:
    expires = (datetime.now(UTC) + ends).timestamp() * 1000
    return {"type": "oauth", "oauth": {"accessToken": "oat-secret", "expiresAt": expires, **more}}


def test_a_key_alone_is_on_the_standard_output_and_nowhere_else(run: Run, folder: Path) -> None:
    code, said, notes = run("keys", "new", "A.Example.", "--name", "laptop", "--expires", "30d")
    assert code == 0
    assert _KEY.fullmatch(said)
    path = folder / "a.example.credentials.json"
    assert said.strip() not in notes + path.read_text()
    assert path.stat().st_mode & 0o777 == 0o600
    assert re.match(
        r"Key `laptop` of a.example, good until \d{4}-\d\d-\d\d \d\d:\d\d UTC\. It is shown this once;", notes
    )
    assert "a.example has no credential for Claude yet: `plait login a.example`" in notes
    assert "From now on only domains that have a credential file are let in" in notes


def test_a_key_goes_into_the_file_that_the_domain_has(run: Run, folder: Path) -> None:
    write(folder, "A.Example", UPSTREAM)
    code, _, notes = run("keys", "new", "a.example")
    assert code == 0
    assert [path.name for path in folder.glob("*.json")] == ["A.Example.credentials.json"]
    assert json.loads((folder / "A.Example.credentials.json").read_text())["api_key"] == "sk-ant-secret"
    assert "no credential for Claude" not in notes
    assert "From now on" not in notes


def test_keys_are_listed_with_their_state(run: Run, folder: Path) -> None:
    keys = [
        {"name": "good", "hash": hash_of("a"), "created": "2026-01-02T03:04:05Z"},
        {"name": "soon", "hash": hash_of("b"), "expires": at(hours=1)},
        {"name": "later", "hash": hash_of("c"), "expires": at(hours=25)},
        {"name": "over", "hash": hash_of("d"), "expires": "2026-01-02T03:04:05+01:00"},
        {"name": "off", "hash": hash_of("e"), "disabled": True},
    ]
    write(folder, "a.example", UPSTREAM | {"client_api_keys": keys, "client_api_key": "single"})
    write(folder, "b.example", {"client_api_key": "other"})
    code, said, _ = run("keys", "list", "A.example")
    assert code == 0
    listed = rows(said)
    assert [row[1:3] for row in listed[1:]] == [
        ["good", "valid"],
        ["soon", "expiring within 24 h"],
        ["later", "valid"],
        ["over", "expired"],
        ["off", "disabled"],
        ["client_api_key", "valid"],
    ]
    assert (listed[1][3], listed[4][4]) == ("2026-01-02 03:04", "2026-01-02 02:04")
    assert ["b.example", "client_api_key", "valid", "", ""] in rows(run("keys", "list")[1])


def test_a_broken_file_does_not_hide_the_other_keys(run: Run, folder: Path) -> None:
    write(folder, "a.example", "{")
    write(folder, "b.example", {"client_api_key": "other"})
    code, said, notes = run("keys", "list")
    assert code == 1
    assert rows(said)[1][0] == "b.example"
    assert f"{folder / 'a.example.credentials.json'} is broken: it is no credential file" in notes


def test_a_key_is_disabled(run: Run, folder: Path) -> None:
    run("keys", "new", "a.example", "--name", "laptop")
    assert run("keys", "disable", "a.example", "laptop")[0] == 0
    assert rows(run("keys", "list")[1])[1][:3] == ["a.example", "laptop", "disabled"]


@pytest.mark.parametrize(
    ("arguments", "status", "reason"),
    [
        (("new", "a/b"), 2, "a/b is no domain"),
        (("new", ""), 2, "An empty name is no domain"),
        (("new", "a.example", "--expires", "soon"), 2, "--expires soon is no time"),
        (("new", "a.example", "--expires", "2020-01-01"), 2, "--expires 2020-01-01 is not in the future"),
        (("new", "a.example", "--expires", "0h"), 2, "--expires 0h is not in the future"),
        (("disable", "a.example", "laptop"), 1, "a.example has no credential file in"),
    ],
)
def test_what_cannot_be_done_is_told(
    run: Run, folder: Path, arguments: tuple[str, ...], status: int, reason: str
) -> None:
    code, said, notes = run("keys", *arguments)
    assert (code, said) == (status, "")
    assert notes.startswith(f"plait: {reason}")
    assert not folder.exists()


@pytest.mark.parametrize("expires", ["2999-01-31", "2999-01-31T12:00", "2999-01-31T13:00+01:00"])
def test_an_end_may_be_a_date_or_a_time(run: Run, folder: Path, expires: str) -> None:
    assert run("keys", "new", "a.example", "--expires", expires)[0] == 0
    assert rows(run("keys", "list")[1])[1][4] == f"2999-01-31 {'12:00' if 'T' in expires else '00:00'}"


def test_domains_are_listed_with_their_state(run: Run, folder: Path) -> None:
    keys = [{"name": "on", "hash": hash_of("a")}, {"name": "off", "hash": hash_of("b"), "disabled": True}]
    write(folder, "1.example", UPSTREAM | {"client_api_keys": keys})
    write(folder, "2.example", login(timedelta(hours=48)))
    write(folder, "3.example", login(timedelta(hours=1), refreshToken="r"))
    write(folder, "4.example", login(-timedelta(hours=1)))
    write(folder, "5.example", {"type": "api_key"})
    write(folder, "*.6.example", {"client_api_key": "x"})
    code, said, _ = run("credentials")
    assert code == 1
    listed = {row[0]: row[1:] for row in rows(said)}
    assert listed["1.example"] == ["valid", "API key", "acc", "1 of 2", ""]
    assert listed["2.example"][:4] == ["valid", "login", "", "none"]
    assert listed["3.example"][0] == "expiring within 24 h"
    assert listed["3.example"][4].endswith("UTC, then refreshed")
    assert listed["4.example"] == ["expired", "login", "", "none", "`plait login 4.example` renews it"]
    assert listed["5.example"] == ["broken", "", "", "", "`api_key` is missing"]
    assert listed["*.6.example"][:4] == ["valid", "none", "", "1"]
    assert listed["*.6.example"][4].startswith("no credential for Claude: `plait login '*.6.example'`, ")
    assert "secret" not in said


def test_all_well_is_0_and_a_file_that_all_may_read_is_told_of(run: Run, folder: Path) -> None:
    write(folder, "a.example", login(-timedelta(hours=1), refreshToken="r"))
    (folder / "a.example.credentials.json").chmod(0o644)
    code, said, _ = run("credentials")
    assert code == 0
    assert rows(said)[1][5] == (
        f"the next request refreshes it; every user may read it: chmod 600 {folder / 'a.example.credentials.json'}"
    )


@pytest.mark.parametrize(
    ("content", "obstacle"),
    [
        ({"client_api_key": "k"}, "no credential for Claude"),
        (
            UPSTREAM | {"client_api_keys": [{"name": "a", "hash": hash_of("a"), "disabled": True}]},
            "no client key is good",
        ),
    ],
)
def test_a_domain_that_lets_nobody_through_is_told_of(
    run: Run, folder: Path, content: dict[str, Any], obstacle: str
) -> None:
    write(folder, "a.example", content)
    code, said, _ = run("credentials")
    assert code == 1
    assert rows(said)[1][5].startswith(f"{obstacle}: `plait ")


def test_clients_credentials_that_pass_are_enough(run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PASS_CLIENT_CREDENTIALS", "true")
    write(folder, "a.example", {"client_api_key": "k"})
    code, said, _ = run("credentials")
    assert (code, rows(said)[1][5]) == (0, "")


@pytest.mark.parametrize("source", ["*.team.example", "_default"])
def test_a_key_does_not_hide_the_file_that_is_in_force_unless_told_to(run: Run, folder: Path, source: str) -> None:
    write(folder, source, UPSTREAM | {"client_api_key": "shared"})
    code, said, notes = run("keys", "new", "a.team.example")
    assert (code, said) == (1, "")
    assert f"The file of {source} is in force for a.team.example: name " in notes
    assert [path.name for path in folder.glob("*.json")] == [f"{source}.credentials.json"]
    assert run("keys", "new", "a.team.example", "--own-file")[0] == 0
    assert (folder / "a.team.example.credentials.json").exists()


def test_the_keys_in_force_for_a_domain_are_listed(run: Run, folder: Path) -> None:
    write(folder, "*.team.example", UPSTREAM | {"client_api_key": "shared"})
    code, said, notes = run("keys", "list", "a.team.example")
    assert (code, rows(said)[1][:2]) == (0, ["*.team.example", "client_api_key"])
    assert notes == "The file of *.team.example is in force for a.team.example:\n"


@pytest.mark.parametrize("pattern", ["*.team.example", "_default"])
def test_a_pattern_is_nobodys_address(run: Run, folder: Path, pattern: str) -> None:
    assert "`plait client HOST` says how" in run("keys", "new", pattern)[2]


def test_no_repair_is_cut_on_a_narrow_terminal(run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(credentials, "out", Console(force_terminal=True, color_system=None, width=60))
    write(folder, "a.example", UPSTREAM)
    path = folder / "a.example.credentials.json"
    path.chmod(0o644)
    _, said, _ = run("credentials")
    assert said.splitlines()[-1] == f"a.example: every user may read it: chmod 600 {path}"


def test_no_files_are_no_fault(run: Run, folder: Path) -> None:
    assert run("credentials")[0] == 0
    assert run("keys", "list") == (0, "", f"No client keys in {folder}.\n")
