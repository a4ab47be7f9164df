"""What a killed `plait up` left behind."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from plait.cli import leftovers


def test_a_process_that_ends_by_itself_meanwhile_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE) as child:
        process = psutil.Process(child.pid)
    with pytest.raises(psutil.NoSuchProcess):
        process.name()
    monkeypatch.setattr(leftovers, "find", lambda _: [process])
    assert leftovers.end(tmp_path) == 1
