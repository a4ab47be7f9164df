"""Keys that open the record: the file, what its keys open, and who is let in."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from plait.common.access import key_file, key_ring
from plait.common.access.doors import Doors
from plait.common.access.grants import Grant
from plait.common.access.key_file import KeyFile
from plait.common.access.keys import hash_of
from plait.common.errors import Broken, UserError

LATER = datetime(2027, 1, 1, tzinfo=UTC)


def entry(name: str = "a", role: str = "viewer", key: str = "secret", **fields: Any) -> dict[str, Any]:
    return {"name": name, "role": role, "hash": hash_of(key), **fields}


def raw(*entries: dict[str, Any]) -> bytes:
    return json.dumps({"keys": entries, "ours": "others may keep something here"}).encode()


def written(folder: Path, *entries: dict[str, Any]) -> Path:
    """A file that nobody has touched for a while."""
    path = folder / "keys.json"
    path.write_bytes(raw(*entries))
    os.utime(path, (1, 1))
    return path


@pytest.fixture
def clock() -> Clock:
    return Clock()


class Clock:
    """Seconds that a test lets pass."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


BROKEN: list[tuple[bytes, str]] = [
    (b"[]", "no file of keys"),
    (b"\xff", "no file of keys"),
    (b"[" * 100_000, "no file of keys"),
    (raw(entry(role="owner")), "Invalid enum value"),
    (raw(entry(name="")), "length"),
    (raw(entry(domains=[])), "length"),
    (raw(entry() | {"hash": "md5:00"}), "must be `sha256:`"),
    (raw(entry("a\0b")), r"\$.keys\[0\].name"),
    (raw(entry(domains=["a\0b"])), r"\$.keys\[0\].domains\[0\]"),
    (raw(entry(), entry(key="other")), "two keys are called `a`"),
    (raw(entry(), entry(name="b")), "listed twice"),
    (raw(entry(name="ADMIN_API_KEY")), "so the one of the settings is called"),
    (raw(entry(expires="2027-01-01")), "Invalid RFC3339"),
    (raw(entry(expires="0001-01-01T00:00:00Z")), "years 1970"),
]


@pytest.mark.parametrize(("content", "why"), BROKEN, ids=range(len(BROKEN)))
def test_a_broken_file_says_why_and_no_secret(content: bytes, why: str) -> None:
    with pytest.raises(Broken, match=why) as caught:
        key_file.read(content)
    assert hash_of("secret") not in str(caught.value)


def test_what_keys_open(tmp_path: Path) -> None:
    file = written(tmp_path, entry(), entry("b", "admin", "other", domains=["x.test"]))
    doors = Doors("of the settings", "of the admin", KeyFile(file))
    assert doors.grant_of("secret") == Grant("a", "viewer")
    assert doors.grant_of("other") == Grant("b", "admin", frozenset({"x.test"}))
    assert doors.grant_of("of the settings") == Grant("DASHBOARD_API_KEY", "viewer")
    assert doors.grant_of("of the admin") == Grant("ADMIN_API_KEY", "admin")
    for guess in ("", "Secret", "secret ", "secre", "sécret", hash_of("secret"), "\udcff", "a"):
        assert doors.grant_of(guess) is None


def test_every_key_is_compared_whichever_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[bytes] = []

    def noted(one: bytes, other: bytes) -> bool:
        compared.append(other)
        return one == other

    monkeypatch.setattr("plait.common.access.doors.compare_digest", noted)
    doors = Doors("v", "d", KeyFile(written(tmp_path, entry(), entry("b", key="other"))))
    for given in ("secret", "other", "v", "d", "none of them"):
        compared.clear()
        doors.grant_of(given)
        assert len(set(compared)) == 4


def test_no_key_at_all() -> None:
    assert not Doors().has_keys()
    assert not Doors("", "").has_keys()
    assert Doors().grant_of("") is None


def disabled(key: dict[str, Any]) -> dict[str, Any]:
    return {**key, "disabled": True}


def expired(key: dict[str, Any]) -> dict[str, Any]:
    return {**key, "expires": "2026-01-01T00:00:00Z"}


def limited(key: dict[str, Any]) -> dict[str, Any]:
    return {**key, "domains": ["x.test"]}


@pytest.mark.parametrize("change", [disabled, expired, limited])
def test_a_change_is_seen_and_ends_what_was_given(
    tmp_path: Path, clock: Clock, change: Callable[[dict[str, Any]], dict[str, Any]]
) -> None:
    file = written(tmp_path, entry())
    doors = Doors(file=KeyFile(file, clock))
    grant = doors.grant_of("secret")
    assert grant is not None
    assert doors.holds(grant)
    file.write_bytes(raw(change(entry())))
    assert doors.holds(grant), "looked at again too soon"
    clock.now += 0.6
    assert not doors.holds(grant)


def test_a_file_that_breaks_keeps_its_last_good_keys_and_one_that_goes_none(tmp_path: Path, clock: Clock) -> None:
    file = written(tmp_path, entry())
    doors = Doors(file=KeyFile(file, clock))
    assert doors.grant_of("secret")
    for content in (b"{", raw(entry(role="owner"))):
        file.write_bytes(content)
        clock.now += 1
        assert doors.grant_of("secret")
    file.chmod(0o666)
    file.write_bytes(raw(entry("c", key="planted")))
    clock.now += 1
    assert doors.grant_of("planted") is None
    file.unlink()
    clock.now += 1
    assert doors.grant_of("secret") is None


def test_made_listed_and_disabled(tmp_path: Path) -> None:
    path = tmp_path / "home" / "keys.json"
    first, key = key_ring.add(path, "viewer", name=None, domains=[], expires=None)
    second, other = key_ring.add(path, "admin", name="ops", domains=["b.test", "a.test"], expires=LATER)
    assert (first, second) == ("viewer-1", "ops")
    assert path.stat().st_mode & 0o777 == 0o600
    assert key not in path.read_text()
    doors = Doors(file=KeyFile(path), clock=lambda: LATER.timestamp() - 1)
    assert doors.grant_of(key) == Grant("viewer-1", "viewer")
    assert doors.grant_of(other) == Grant("ops", "admin", frozenset({"a.test", "b.test"}))
    assert Doors(file=KeyFile(path), clock=LATER.timestamp).grant_of(other) is None
    key_ring.disable(path, "viewer-1")
    assert [(each.name, each.disabled) for each in key_ring.keys_in(path)] == [("viewer-1", True), ("ops", False)]
    assert Doors(file=KeyFile(path)).grant_of(key) is None


def test_names_and_files_that_cannot_be(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    assert key_ring.keys_in(path) == []
    key_ring.add(path, "viewer", name="a", domains=[], expires=None)
    for name, why in (("a", "already"), ("ADMIN_API_KEY", "of the settings")):
        with pytest.raises(UserError, match=why):
            key_ring.add(path, "viewer", name=name, domains=[], expires=None)
    with pytest.raises(UserError, match="no key `b`"):
        key_ring.disable(path, "b")
    path.write_text("{")
    with pytest.raises(UserError, match="cannot be used"):
        key_ring.keys_in(path)
    with pytest.raises(UserError, match="cannot be changed"):
        key_ring.add(path, "viewer", name="c", domains=[], expires=LATER + timedelta(days=1))
    assert path.read_text() == "{"
