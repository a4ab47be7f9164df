"""Supervision, tried on small programs."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest

from plait.cli import pauses
from plait.cli.home import Home
from plait.cli.program import Program
from plait.cli.supervisor import Child, Supervisor


@dataclass
class Screen:
    """Remembers what it was told."""

    ready: list[Sequence[str]] = field(default_factory=list)
    ends: list[tuple[int, bool, float]] = field(default_factory=list)

    def is_ready(self, parts: Sequence[str], seconds: float) -> None:
        self.ready.append(parts)

    def ended(self, parts: Sequence[str], status: int, *, keeps_ending: bool, pause: float) -> None:
        self.ends.append((status, keeps_ending, pause))


@dataclass
class Stage:
    home: Home
    screen: Screen
    supervisor: Supervisor
    folder: Path

    def start(self, code: str, *, ready: Callable[[int], bool] = lambda _: True, grace: float = 5.0) -> Child:
        program = Program("thing", (sys.executable, "-c", code), ready, dict(os.environ), self.folder, grace=grace)
        return self.supervisor.start(program, ["one", "two"])


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    home, screen = Home(tmp_path / "home"), Screen()
    home.create()
    stage = Stage(home, screen, Supervisor(home, screen), tmp_path)
    yield stage
    await stage.supervisor.stop(first=[], last=[])


SLEEP = "import time; time.sleep(60)"
SLOW = (
    "import signal, time; end = lambda *_: (signal.signal(15, signal.SIG_DFL), open('asked', 'w').close());"
    "signal.signal(15, end); open('up', 'w').close(); time.sleep(60); time.sleep(60)"
)
STUBBORN = "import signal, time; signal.signal(15, signal.SIG_IGN); open('up', 'w').close(); time.sleep(60)"


async def test_its_parts_have_its_pid_while_it_runs(stage: Stage) -> None:
    child = stage.start(SLEEP)
    await asyncio.wait_for(child.ready.wait(), 60)
    pids = {stage.home.pid_file(part).read_text() for part in ("one", "two")}
    assert len(pids) == 1
    assert psutil.Process(int(pids.pop())).ppid() == os.getpid()
    await child.stop()
    assert not stage.home.pid_file("one").exists()
    assert not child.ready.is_set()


async def test_a_killed_program_is_started_again_at_once(stage: Stage) -> None:
    child = stage.start(SLEEP)
    await asyncio.wait_for(child.ready.wait(), 60)
    first = int(stage.home.pid_file("one").read_text())
    os.kill(first, signal.SIGKILL)
    while not stage.screen.ends:
        await asyncio.sleep(0)
    await asyncio.wait_for(child.ready.wait(), 60)
    assert stage.screen.ends == [(-9, False, 0.0)]
    assert int(stage.home.pid_file("one").read_text()) != first


async def test_one_that_keeps_ending_is_reported_and_tried_on(stage: Stage) -> None:
    child = stage.start("import sys; print('why'); sys.exit(7)", ready=lambda _: False)
    await asyncio.wait_for(child.settled.wait(), 60)
    assert not child.ready.is_set()
    assert stage.screen.ends == [(7, False, 0.0), (7, False, 0.25), (7, True, 0.5)]
    while len(stage.screen.ends) < 4:
        await asyncio.sleep(0.01)
    assert (stage.home.logs / "two.log").read_text().startswith("why\nwhy\nwhy\n")


async def test_a_program_that_is_not_there_is_reported(stage: Stage) -> None:
    child = stage.supervisor.start(Program("ghost", (str(stage.folder / "ghost"),), lambda _: True))
    await asyncio.wait_for(child.settled.wait(), 60)
    assert stage.screen.ends[0][0] == 127
    assert "cannot be started" in (stage.home.logs / "ghost.log").read_text()


async def test_what_does_not_listen_to_its_signal_is_killed(stage: Stage) -> None:
    child = stage.start(STUBBORN, ready=lambda _: (stage.folder / "up").exists(), grace=0.2)
    await asyncio.wait_for(child.ready.wait(), 60)
    pid = int(stage.home.pid_file("one").read_text())
    await asyncio.wait_for(child.stop(), 60)
    assert not psutil.pid_exists(pid)


async def test_what_is_slow_to_end_is_hurried_by_a_second_word(stage: Stage) -> None:
    child = stage.start(SLOW, ready=lambda _: (stage.folder / "up").exists(), grace=60)
    await asyncio.wait_for(child.ready.wait(), 60)
    stage.supervisor.hurry()  # nobody has asked it to end yet
    assert not (stage.folder / "asked").exists()
    stopping = asyncio.create_task(child.stop())
    while not (stage.folder / "asked").exists():
        await asyncio.sleep(0.01)
    stage.supervisor.hurry()
    await asyncio.wait_for(stopping, 60)


async def test_a_stop_while_it_pauses_does_not_wait(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pauses, "_FIRST", 600.0)
    monkeypatch.setattr(pauses, "LONGEST", 600.0)
    child = stage.start("import sys; sys.exit(1)", ready=lambda _: False)
    while len(stage.screen.ends) < 2:  # after the second end it pauses
        await asyncio.sleep(0.01)
    await asyncio.wait_for(child.stop(), 60)
    assert [pause for _, _, pause in stage.screen.ends] == [0.0, 600.0]


async def test_a_stop_right_after_the_start_leaves_nothing(stage: Stage) -> None:
    child = stage.start(SLEEP)
    await asyncio.wait_for(child.stop(), 60)
    assert psutil.Process().children() == []


async def test_stops_in_order(stage: Stage) -> None:
    trace = stage.folder / "trace"
    for name in ("database", "worker", "gateway"):
        code = (
            "import signal, sys, time\n"
            f"def end(*_):\n    open({str(trace)!r}, 'a').write('{name} ')\n    sys.exit()\n"
            f"signal.signal(15, end)\nopen('{name}', 'w').close()\ntime.sleep(60)"
        )
        up = stage.folder / name
        program = Program(name, (sys.executable, "-c", code), lambda _, up=up: up.exists(), {}, stage.folder)  # type: ignore[misc]
        await asyncio.wait_for(stage.supervisor.start(program).ready.wait(), 60)
    await stage.supervisor.stop(first=["gateway"], last=["database"])
    assert trace.read_text() == "gateway worker database "
