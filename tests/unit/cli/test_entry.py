"""A Ctrl-C before a command has begun its work, and a reader of its output that has enough."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from plait.gateway.spool.records import End, Ending, to_frame
from plait.gateway.spool.writer import SpoolWriter

_INTERRUPTED = """\
import os, signal, sys

signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs are begun deaf to it
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
    done = subprocess.run(argv, env=env, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (130, "Stopped.\n")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", ["spool dump .", "settings --markdown", "settings"])
def test_a_reader_that_has_enough_ends_the_command_quietly(command: str, tmp_path: Path) -> None:
    writer = SpoolWriter(tmp_path, segment_bytes=1 << 20, max_bytes=1 << 20)
    writer.append_many([to_frame(bytes(16), End(3.0, Ending.WHOLE))])
    writer.close()
    argv = [sys.executable, "-c", "from plait.cli.entry import main; main()", *command.split()]
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        argv, cwd=tmp_path, stdout=writing, stderr=subprocess.PIPE, text=True, check=False, timeout=60
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (141, "")
