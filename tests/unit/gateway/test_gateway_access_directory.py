"""The folder of credential files: what changes is read, what breaks keeps its last good content."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from plait.gateway.access.directory import Directory
from plait.gateway.access.table import UNCONFIGURED, Table

LONG_AGO = 1_000_000_000


def write(folder: Path, domain: str, api_key: str | None = None, content: str | None = None) -> Path:
    path = folder / f"{domain}.credentials.json"
    path.write_text(json.dumps({"type": "api_key", "api_key": api_key}) if content is None else content)
    path.chmod(0o600)
    return path


def key_of(table: Table, domain: str = "a.example") -> bytes | None:
    credential = table.find(domain)
    return credential.upstream[0][1] if credential and credential.upstream else None


@pytest.fixture
def directory(tmp_path: Path) -> Directory:
    return Directory(tmp_path)


def test_no_folder_and_an_empty_one_are_unconfigured(directory: Directory, tmp_path: Path) -> None:
    assert Directory(tmp_path / "none").scan().find("a.example") is UNCONFIGURED
    assert directory.scan().find("a.example") is UNCONFIGURED
    assert directory.problems == {}


def test_other_files_are_passed_over(directory: Directory, tmp_path: Path) -> None:
    for name in (".a.example.credentials.json", ".a.example.credentials.json.lock", "notes.txt", "a.example.json"):
        (tmp_path / name).write_text("{}")
    assert directory.scan().find("a.example") is UNCONFIGURED


def test_files_come_change_and_go(directory: Directory, tmp_path: Path) -> None:
    path = write(tmp_path, "A.Example", "one")
    assert key_of(directory.scan()) == b"one"
    write(tmp_path, "A.Example", "two")
    assert key_of(directory.scan()) == b"two"
    path.unlink()
    assert directory.scan().find("a.example") is UNCONFIGURED


def test_a_change_that_leaves_size_and_time_as_they_were_is_seen(directory: Directory, tmp_path: Path) -> None:
    """Two writes within one tick of the file system's clock."""
    path = write(tmp_path, "a.example", "one")
    moment = path.stat().st_mtime_ns
    assert key_of(directory.scan()) == b"one"
    write(tmp_path, "a.example", "two")
    os.utime(path, ns=(moment, moment))
    assert key_of(directory.scan()) == b"two"


def test_what_has_not_changed_is_not_read_again(directory: Directory, tmp_path: Path) -> None:
    path = write(tmp_path, "a.example", "one")
    os.utime(path, (LONG_AGO, LONG_AGO))
    directory.scan()
    before = directory.files
    directory.scan()
    assert directory.files[path.name].credential is before[path.name].credential


@pytest.mark.parametrize("content", ["", "{", '{"type": "api_key"}'])
def test_a_file_that_breaks_keeps_its_last_good_content(directory: Directory, tmp_path: Path, content: str) -> None:
    path = write(tmp_path, "a.example", "one")
    directory.scan()
    write(tmp_path, "a.example", content=content)
    assert key_of(directory.scan()) == b"one"
    assert key_of(directory.scan()) == b"one"
    assert list(directory.problems) == [path.name]
    write(tmp_path, "a.example", "two")
    assert key_of(directory.scan()) == b"two"
    assert directory.problems == {}


def test_a_file_that_was_never_good_lets_nobody_in(directory: Directory, tmp_path: Path) -> None:
    write(tmp_path, "_default", "default")
    write(tmp_path, "a.example", content="{")
    table = directory.scan()
    assert table.find("a.example") is None
    assert key_of(table, "b.example") == b"default"


def test_a_file_without_a_domain_for_a_name_is_said_to_be_broken(directory: Directory, tmp_path: Path) -> None:
    path = write(tmp_path, "*.*", "one")
    assert directory.scan().find("a.example") is None, "a file is there, so nothing is open"
    assert directory.problems == {path.name: "its name is not `<domain>.credentials.json`"}


def test_of_two_files_for_one_domain_the_first_counts_and_the_other_is_told_of(
    directory: Directory, tmp_path: Path
) -> None:
    first, second = write(tmp_path, "A.example", "one"), write(tmp_path, "a.example", "two")
    assert key_of(directory.scan()) == b"one"
    assert directory.problems == {second.name: f"`{first.name}` is for the same domain, and goes before it"}
    first.unlink()
    assert key_of(directory.scan()) == b"two"
    assert directory.problems == {}


def test_who_may_read_and_write_the_file_matters(directory: Directory, tmp_path: Path) -> None:
    path = write(tmp_path, "a.example", "one")
    path.chmod(0o644)
    assert key_of(directory.scan()) == b"one"
    assert directory.files[path.name].readable_by_all
    path.chmod(0o602)
    assert key_of(directory.scan()) == b"one"
    assert "every user of this machine may write it" in directory.problems[path.name]
    path.chmod(0o640)
    directory.scan()
    assert directory.problems == {}
    assert not directory.files[path.name].readable_by_all


def test_what_is_no_file_blocks_nothing(directory: Directory, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.example.credentials.json")
    (tmp_path / "b.example.credentials.json").mkdir()
    (tmp_path / "c.example.credentials.json").symlink_to(tmp_path / "nowhere")
    write(tmp_path, "d.example", content=" " * (1 << 20) + "{}")
    directory.scan()
    assert list(directory.problems.values()) == [
        "it is no file",
        "it is no file",
        "it cannot be read: No such file or directory",
        "it is larger than 1048576 bytes",
    ]


def test_a_folder_that_cannot_be_read_is_not_taken_for_an_empty_one(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    directory = Directory(tmp_path / "file")
    assert directory.scan().find("a.example") is None
    assert directory.problems == {"": "the folder cannot be read: Not a directory"}


def test_a_folder_that_is_gone_changes_nothing_and_is_told_of(directory: Directory, tmp_path: Path) -> None:
    folder = tmp_path / "credentials"
    folder.mkdir()
    write(folder, "a.example", "one")
    directory = Directory(folder)
    directory.scan()
    folder.rename(tmp_path / "elsewhere")
    assert key_of(directory.scan()) == b"one"
    assert directory.problems == {"": "the folder cannot be read: No such file or directory"}
    (tmp_path / "elsewhere").rename(folder)
    assert key_of(directory.scan()) == b"one"
    assert directory.problems == {}
