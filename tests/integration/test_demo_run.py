"""`plait demo` as a user runs it."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
from pathlib import Path

import pytest

from plait.fakes.recordings import load, samples_folder
from tests.plait_up import PLAIT, run_plait, until
from tests.ports import free_port

RECORDED = [one for found in load(samples_folder()).values() for one in found]
_SECONDS = 240


@pytest.fixture
def ports() -> list[str]:
    return [part for name in ("gateway", "dashboard", "api") for part in (f"--{name}-port", str(free_port()))]


@pytest.mark.timeout(_SECONDS + 60)
def test_every_recorded_exchange_arrives_and_nothing_is_left(tmp_path: Path, ports: list[str]) -> None:
    output = tmp_path / "output"
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    with output.open("wb") as out:
        env = os.environ | {"TMPDIR": str(temporary), "COLUMNS": "120"}
        process = subprocess.Popen([PLAIT, "demo", *ports], stdout=out, stderr=out, env=env, cwd=tmp_path)
    try:
        until(lambda: "See it on" in output.read_text() or process.poll() is not None, _SECONDS, "the summary")
        process.send_signal(signal.SIGTERM)
        status = process.wait(60)
    finally:
        process.kill()
    text = output.read_text()
    assert status == 0, text
    assert re.search(rf"answered\s+\S+ {len(RECORDED)}/{len(RECORDED)}", text), text
    exchanges, conversations, branches, tokens = _figures(text)
    assert exchanges == len(RECORDED)
    assert conversations == sum(one.truth["link"] == "root" for one in RECORDED)
    assert branches > conversations
    assert tokens > 1_000_000
    assert "✗" not in text
    assert "Analyses: 6 of 6 conversations, by the demo's own Gemini" in text
    told = re.search(r"Notices: (\d+) in the demo's own Slack, (\d+) at its webhook \((\d+) turn", text)
    assert told, text
    assert told[1] == told[2]
    assert int(told[3]) > conversations
    assert ":robot_face: Claude:" in text
    assert "recorded answers only" in text
    assert "Stopping ..." in text
    assert list(temporary.iterdir()) == []


def test_a_ctrl_c_during_the_start_plays_nothing(tmp_path: Path, ports: list[str]) -> None:
    output = tmp_path / "output"
    with output.open("wb") as out:
        argv = [str(PLAIT), "demo", "--home", str(tmp_path / "home"), "--no-dashboard", *ports]
        process = subprocess.Popen(argv, stdout=out, stderr=out, cwd=tmp_path)
    try:
        started = tmp_path / "home" / "run" / "gateway.pid"
        until(lambda: started.exists() or process.poll() is not None, _SECONDS, "the start")
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
    finally:
        process.kill()
    assert "Stopping ..." in output.read_text()
    assert "answered" not in output.read_text()


def test_a_port_that_was_asked_for_and_is_taken_is_refused(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = run_plait("demo", "--exit", "--gateway-port", str(port), cwd=tmp_path)
    assert done.returncode == 1
    assert f"Port {port} is taken" in done.stderr
    assert "--gateway-port" in done.stderr


def _figures(text: str) -> list[int]:
    """The table's last line: exchanges, conversations, branches, tokens."""
    [line] = re.findall(r"^ +(\d[\d,]*(?: +\d[\d,]*){3})$", text, re.MULTILINE)
    return [int(figure.replace(",", "")) for figure in line.split()]
