"""Keys are put into a credential file and disabled there, and nothing else in it changes."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from plait.common.access.keys import SINGLE, find, hash_of
from plait.common.errors import UserError
from plait.gateway.access import credentials, keyring

EXPIRES = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)
FILE = {"type": "api_key", "api_key": "sk", "slack": {"channel": "#a"}, SINGLE: "in-clear"}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    found = tmp_path / "a.credentials.json"
    found.write_text(json.dumps(FILE))
    return found


def content(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def test_a_new_key_is_known_and_only_its_hash_is_written(path: Path) -> None:
    name, key = keyring.add(path, "laptop", EXPIRES)
    assert name == "laptop"
    assert key not in path.read_text()
    after = content(path)
    [entry] = after.pop("client_api_keys")
    assert after == FILE
    assert (entry["hash"], entry["expires"]) == (hash_of(key), "2030-01-02T03:04:05Z")
    known = find(credentials.read(path, path.read_bytes()).keys, key.encode())
    assert known is not None
    assert (known.name, known.expires) == ("laptop", EXPIRES.timestamp())


def test_a_key_makes_the_file_and_the_folder_of_its_domain(tmp_path: Path) -> None:
    path = tmp_path / "new" / "a.credentials.json"
    keyring.add(path, None, None)
    assert [key.name for key in keyring.keys_in(path)] == ["key-1"]


def test_names_are_given_and_taken_once(path: Path) -> None:
    keyring.add(path, "key-2", None)
    assert [keyring.add(path, None, None)[0] for _ in range(2)] == ["key-1", "key-3"]
    for taken in ("key-1", SINGLE):
        with pytest.raises(UserError, match=f"There is a key `{taken}` already"):
            keyring.add(path, taken, None)


def test_a_disabled_key_stays_listed(path: Path) -> None:
    keyring.add(path, "a", None)
    keyring.add(path, "b", None)
    keyring.disable(path, "a")
    assert [(key.name, key.disabled) for key in keyring.keys_in(path)] == [("a", True), ("b", False), (SINGLE, False)]


def test_the_single_key_is_disabled_and_no_more_in_clear(path: Path) -> None:
    keyring.disable(path, SINGLE)
    assert "in-clear" not in path.read_text()
    assert content(path)["client_api_keys"] == [{"name": SINGLE, "hash": hash_of("in-clear"), "disabled": True}]
    known = find(credentials.read(path, path.read_bytes()).keys, b"in-clear")
    assert known is not None
    assert known.disabled


def test_what_is_not_there_cannot_be_disabled(path: Path) -> None:
    with pytest.raises(UserError, match="There is no key `a`"):
        keyring.disable(path, "a")


@pytest.mark.parametrize("broken", ['{"type": "api_key"}', "{", '{"client_api_keys": "none"}'])
def test_a_broken_file_is_not_made_worse(path: Path, broken: str) -> None:
    path.write_text(broken)
    with pytest.raises(UserError, match="cannot be changed"):
        keyring.add(path, None, None)
    assert path.read_text() == broken


def test_a_name_that_the_file_could_not_hold_is_refused(path: Path) -> None:
    before = path.read_text()
    with pytest.raises(UserError, match="cannot be changed"):
        keyring.add(path, "x" * 201, None)
    assert path.read_text() == before


def test_a_folder_that_cannot_be_written_is_told_of(path: Path) -> None:
    with pytest.raises(UserError, match=r"cannot be written: (Not a directory|File exists)"):
        keyring.add(path / "b.credentials.json", None, None)
