"""What the log tells of the credential files: each change once, and never what they hold."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from plait.gateway.access.directory import Directory
from plait.gateway.access.reporting import Reporter


def write(folder: Path, content: str) -> Path:
    path = folder / "a.example.credentials.json"
    path.write_text(content)
    path.chmod(0o600)
    return path


def holding(api_key: str) -> str:
    return json.dumps({"type": "api_key", "api_key": api_key})


@pytest.fixture
def told() -> Iterator[list[Any]]:
    """Gets what is logged."""
    with capture_logs() as logs:
        yield logs


def test_each_change_is_told_once(tmp_path: Path, told: list[Any]) -> None:
    directory, reporter = Directory(tmp_path), Reporter()
    directory.scan()
    reporter.begin(directory)
    name = "a.example.credentials.json"
    seen: list[tuple[list[str], list[str]]] = []
    for content in (holding("canary-1"), holding("canary-1"), holding("canary-2"), "{", holding("canary-2"), None):
        told.clear()
        path = write(tmp_path, content or "")
        if content is None:
            path.unlink()
        directory.scan()
        reporter.tell(directory)
        seen += [(line["read"], line["gone"]) for line in told if line["event"] == "credential files were read"]
        assert "canary" not in str(told)
    assert seen == [([name], []), ([name], []), ([], [name])]
