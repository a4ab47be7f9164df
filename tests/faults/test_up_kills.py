"""SIGKILL at everything that `plait up` runs, and at `plait up` itself."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from plait.gateway.spool.segments import lock
from tests.plait_up import PlaitUp, until


@pytest.fixture(scope="module")
def plait(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PlaitUp]:
    with PlaitUp(tmp_path_factory.mktemp("kills") / "home", "--processes") as running:
        running.wait_ready().wait_said("Plait is ready")
        yield running


@pytest.mark.parametrize(
    "part", ["gateway", "shipper", "linker", "ledger", "analyzer", "notifier", "api", "broker", "postgres"]
)
def test_a_killed_part_comes_back(plait: PlaitUp, part: str) -> None:
    killed = plait.pid(part)
    assert killed
    os.kill(killed, signal.SIGKILL)
    until(lambda: plait.pid(part) not in {killed, None}, 60, f"{part} started again")
    until(plait.is_ready, 60, "gateway and api ready")
    assert f"{part} ended (killed by SIGKILL)" in plait.said()


def test_a_part_that_keeps_dying_is_reported_and_the_rest_goes_on(tmp_path: Path) -> None:
    spool = tmp_path / "home" / "spool" / "gateway"
    spool.mkdir(parents=True)
    held = lock(spool, "writer")
    try:
        with PlaitUp(tmp_path / "home") as plait:
            plait.wait_said("gateway keeps ending (exit status 1)")
            plait.wait_said("Plait runs, without gateway")
            assert plait.status(plait.api) == 200
            log = (plait.home / "logs" / "gateway.log").read_text()
            assert "part cannot run" in log
            assert "Traceback" not in log
            assert plait.stop() == 0
    finally:
        os.close(held)


def test_after_a_sigkill_the_next_one_cleans_up_and_has_lost_nothing(tmp_path: Path) -> None:
    env = {"CLAUDE_API_BASE_URL": "http://127.0.0.1:1"}  # answered by us: nobody is there
    with PlaitUp(tmp_path / "home", env=env) as first:
        first.wait_ready()
        first.wait_said("Plait is ready")
        early = first.post(b'{"messages": []}')
        until(lambda: first.is_recorded(early), 60, "recorded")
        late = first.post(b'{"messages": []}')
        first.family()
        first.process.kill()
        first.process.wait()
        orphans = first.left_over()
        assert {p.pid for p in orphans} >= {first.pid("gateway"), first.pid("postgres"), first.pid("broker")}
        with PlaitUp(tmp_path / "home", env=env) as second:
            second.wait_ready()
            until(lambda: second.is_recorded(early) and second.is_recorded(late), 60, "both recorded")
            assert [p for p in orphans if p.is_running() and p.status() != psutil.STATUS_ZOMBIE] == []
            assert "Cleaned up after a Plait that was killed." in second.said()
            assert second.stop() == 0
            assert second.left_over() == []
