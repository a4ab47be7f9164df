"""A Ctrl-C before a command has begun its work."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

_INTERRUPTED = """\
import os, signal, sys

module = sys.argv.pop(1)

class CtrlC:
    @staticmethod
    def find_spec(name, *_):
        if name == module:
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, CtrlC)
from plait.cli.entry import main
main()
"""


@pytest.mark.parametrize("while_loading", ["cyclopts", "pydantic_settings", "plait.cli.plan", "asyncpg"])
@pytest.mark.parametrize("command", ["up", "demo"])
def test_a_ctrl_c_during_the_imports_is_one_line(while_loading: str, command: str, tmp_path: Path) -> None:
    env = os.environ | {"PLAIT_HOME": str(tmp_path / "home"), "TMPDIR": str(tmp_path)}
    argv = [sys.executable, "-c", _INTERRUPTED, while_loading, command]
    done = subprocess.run(argv, env=env, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=30)
    assert (done.returncode, done.stderr) == (130, "Stopped.\n")
    assert list(tmp_path.iterdir()) == []
