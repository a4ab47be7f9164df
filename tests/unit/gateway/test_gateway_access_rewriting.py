"""A credential file is changed whole or not at all, and by one at a time."""

from __future__ import annotations

import json
import stat
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from plait.common.errors import Broken
from plait.common.rewriting import rewrite

COUNTS = """
import sys
from pathlib import Path
from plait.common.rewriting import rewrite
for _ in range(50):
    rewrite(Path(sys.argv[1]), lambda file: {**file, "n": file["n"] + 1})
"""


def with_field(name: str, value: object) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda file: {**file, name: value}


def test_other_fields_and_their_order_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "a.credentials.json"
    path.write_text('{"slack": {"channel": "#ä"}, "zz": 1.5, "api_key": "old", "big": 12345678901234567890}')
    rewrite(path, with_field("api_key", "new"))
    content = json.loads(path.read_text())
    assert list(content.items()) == [
        ("slack", {"channel": "#ä"}),
        ("zz", 1.5),
        ("api_key", "new"),
        ("big", 12345678901234567890),
    ]


def test_it_is_closed_to_others_whatever_it_was(tmp_path: Path) -> None:
    path = tmp_path / "a.credentials.json"
    path.write_text("{}")
    path.chmod(0o644)
    rewrite(path, with_field("n", 1))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_file_that_is_not_there_is_made(tmp_path: Path) -> None:
    path = tmp_path / "a.credentials.json"
    rewrite(path, with_field("n", 1))
    assert json.loads(path.read_text()) == {"n": 1}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    target, link = tmp_path / "real" / "a", tmp_path / "a.credentials.json"
    target.write_text("{}")
    link.symlink_to(target)
    rewrite(link, with_field("n", 1))
    assert link.is_symlink()
    assert json.loads(target.read_text()) == {"n": 1}


@pytest.mark.parametrize("content", ["", "{", "[]", '"text"'])
def test_a_broken_file_is_left_as_it_is(tmp_path: Path, content: str) -> None:
    path = tmp_path / "a.credentials.json"
    path.write_text(content)
    with pytest.raises(Broken):
        rewrite(path, with_field("n", 1))
    assert path.read_text() == content


def test_a_write_that_fails_leaves_the_file_and_no_rest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.credentials.json"
    path.write_text('{"n": 0}')

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("plait.common.rewriting.os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        rewrite(path, with_field("n", 1))
    assert path.read_text() == '{"n": 0}'
    assert [each.name for each in tmp_path.glob("*.new")] + [each.name for each in tmp_path.glob(".*.new")] == []


def test_nothing_is_written_when_nothing_changes(tmp_path: Path) -> None:
    path = tmp_path / "a.credentials.json"
    path.write_text('{ "n":1 }')
    rewrite(path, lambda file: file)
    assert path.read_text() == '{ "n":1 }'


def test_changes_from_threads_and_processes_are_all_made(tmp_path: Path) -> None:
    path = tmp_path / "a.credentials.json"
    path.write_text('{"n": 0}')
    with subprocess.Popen([sys.executable, "-c", COUNTS, path]) as other, ThreadPoolExecutor(4) as threads:
        for _ in range(50):
            threads.submit(rewrite, path, lambda file: {**file, "n": file["n"] + 1})
    assert other.returncode == 0
    assert json.loads(path.read_text()) == {"n": 100}
