"""A running Plait for the tests of real clients."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from plait.fakes.claude import ScriptedClaude
from tests.e2e.stage import KEY, Stage
from tests.e2e.tap import Tap
from tests.plait_up import PlaitUp
from tests.ports import free_port


@pytest.fixture(scope="session")
def claude_port() -> int:
    """Where Claude is to be found, while a test listens there."""
    return free_port()


@pytest.fixture(scope="session")
def plait(claude_port: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PlaitUp]:
    """Everything that `plait up` runs but the dashboard, ready."""
    env = {"CLAUDE_API_BASE_URL": f"http://127.0.0.1:{claude_port}", "DASHBOARD_API_KEY": KEY}
    with PlaitUp(tmp_path_factory.mktemp("plait") / "home", env=env) as running:
        yield running.wait_ready()


@pytest.fixture
async def stage(plait: PlaitUp, claude_port: int) -> AsyncIterator[Stage]:
    """The running Plait, with a scripted Claude and a tap of the test's own."""
    tap = Tap(plait.gateway)
    async with ScriptedClaude(claude_port) as claude, tap.listening():
        yield Stage(claude, tap, f"http://127.0.0.1:{plait.api}")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder for a client to work in, beside its own home."""
    for name in ("home", "project"):
        (tmp_path / name).mkdir()
    return tmp_path / "project"
