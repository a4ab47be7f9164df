"""Claude Code's settings file: our variables go in, nothing else changes, what is no settings file is left alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plait.cli.client.settings_file import merged, read, write
from plait.common.errors import UserError

ENV = {"ANTHROPIC_BASE_URL": "https://gw.example.com", "ANTHROPIC_AUTH_TOKEN": "k"}

texts = st.text(st.characters(exclude_categories=()))
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=12,
)
names = st.text(min_size=1)
settings = st.dictionaries(names, values).map(lambda s: {k: v for k, v in s.items() if k != "env"})
env = st.dictionaries(names, texts)


@given(before=settings, had=st.none() | env, ours=env)
def test_everything_else_stays_in_its_place(
    before: dict[str, Any], had: dict[str, str] | None, ours: dict[str, str]
) -> None:
    before = before if had is None else {**before, "env": had}
    after = merged(before, ours)
    assert {name: value for name, value in after.items() if name != "env"} == {
        name: value for name, value in before.items() if name != "env"
    }
    assert after["env"] == {**(had or {}), **ours}
    assert list(after)[: len(before)] == list(before)
    assert merged(after, ours) == after


@given(before=settings, had=env)
def test_what_is_written_is_read_again(before: dict[str, Any], had: dict[str, str], tmp_path_factory: Any) -> None:
    path = tmp_path_factory.mktemp("claude") / ".claude" / "settings.json"
    assert read(path) == {}
    write(path, {**before, "env": had})
    assert read(path) == {**before, "env": had}
    assert list(read(path)) == [*before, "env"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b'{"env": {},}', "is not JSON (line 1, column 12)"),
        (b"// mine\n{}", "is not JSON (line 1, column 1)"),
        (b"\xff{}", "is not JSON: it is no UTF-8 text"),
        (b"[" * 100_000, "is not JSON"),
        (b"[]", "must hold an object."),
        (b'{"env": "x"}', "must hold an object under `env`"),
    ],
    ids=["comma", "comment", "binary", "deep", "list", "env"],
)
def test_what_is_no_settings_file_is_refused_and_left(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "settings.json"
    path.write_bytes(content)
    with pytest.raises(UserError) as refused:
        read(path)
    assert said in str(refused.value)
    assert str(refused.value).startswith(str(path))
    assert path.read_bytes() == content


@pytest.mark.parametrize("content", [b"", b"  \n", b"\xef\xbb\xbf{}"], ids=["empty", "blank", "byte order mark"])
def test_an_empty_file_is_like_none(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "settings.json"
    path.write_bytes(content)
    assert read(path) == {}


def test_a_link_and_the_permissions_stay(tmp_path: Path) -> None:
    real, link = tmp_path / "dotfiles.json", tmp_path / "settings.json"
    real.write_text('{"model": "opus"}')
    real.chmod(0o640)
    link.symlink_to(real)
    write(link, merged(read(link), ENV))
    assert link.is_symlink()
    assert real.stat().st_mode & 0o777 == 0o640
    assert json.loads(real.read_text()) == {"model": "opus", "env": ENV}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["dotfiles.json", "settings.json"]


def test_a_new_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "settings.json"
    write(path, {"env": ENV})
    assert path.stat().st_mode & 0o777 == 0o600


def test_what_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="cannot be written"):
        write(tmp_path / "file" / "settings.json", {})
