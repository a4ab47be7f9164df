"""Parts that share a process: each is started again by itself."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from types import ModuleType

import pytest
import structlog
from structlog.testing import capture_logs

from plait.cli.hosting import host, keep_running
from plait.cli.parts import Part
from plait.common.consumer import status
from plait.common.errors import UserError
from plait.common.health import answer
from plait.common.settings import Settings


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """A module for entries of parts."""
    made = ModuleType("plait_test_parts")
    monkeypatch.setitem(sys.modules, made.__name__, made)
    structlog.reset_defaults()
    yield made
    structlog.reset_defaults()


def fake(name: str) -> Part:
    return Part(name, "workers", f"plait_test_parts:{name}", "plait.common.settings:Settings")


@pytest.mark.parametrize("error", [RuntimeError("content"), UserError("no such folder"), None])
async def test_one_that_ends_is_started_again_and_the_other_does_not_notice(
    module: ModuleType, error: Exception | None
) -> None:
    starts = {"shaky": 0, "steady": 0}

    async def shaky(stop: asyncio.Event) -> None:
        starts["shaky"] += 1
        if starts["shaky"] == 3:
            stop.set()
        elif error:
            raise error

    async def steady(stop: asyncio.Event) -> None:
        starts["steady"] += 1
        await stop.wait()

    vars(module).update(shaky=shaky, steady=steady)
    stop = asyncio.Event()
    with capture_logs() as logs:
        async with asyncio.timeout(60), asyncio.TaskGroup() as group:
            group.create_task(keep_running(fake("shaky"), stop))
            group.create_task(keep_running(fake("steady"), stop))
    assert starts == {"shaky": 3, "steady": 1}
    assert [e["pause"] for e in logs if e["event"] == "part ended and is started again"] == [0.0, 0.25]


async def test_one_that_cannot_even_be_imported_does_not_disturb(module: ModuleType) -> None:
    async def steady(stop: asyncio.Event) -> None:
        stop.set()

    vars(module).update(steady=steady)
    stop = asyncio.Event()
    with capture_logs() as logs:
        async with asyncio.timeout(60), asyncio.TaskGroup() as group:
            group.create_task(keep_running(fake("missing"), stop))
            group.create_task(keep_running(fake("steady"), stop))
    assert "part failed" in [entry["event"] for entry in logs]


def test_a_process_is_not_ready_before_all_its_parts_have_started_or_failed(
    module: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(status, "_consumers", {})
    told: list[int] = []

    async def early(stop: asyncio.Event) -> None:
        status.Status("plait.early").become("running")
        told.append(answer("/health/ready")[0])
        async with asyncio.timeout(60):
            while answer("/health/ready")[0] != 200:
                await asyncio.sleep(0.01)
        stop.set()

    vars(module).update(early=early)
    entry, settings = "plait_test_parts", "plait.common.settings:Settings"
    parts = [Part(name, "workers", f"{entry}:{name}", settings, tells_health=True) for name in ("early", "missing")]
    with capture_logs():
        assert host(parts) == 0
    assert told == [503]


async def test_wrong_settings_are_named_without_their_values(
    module: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("METRICS_PORT", "hidden-value")

    async def configured(stop: asyncio.Event) -> None:
        stop.set()
        Settings()

    vars(module).update(configured=configured)
    with capture_logs() as logs:
        await keep_running(fake("configured"), asyncio.Event())
    (entry,) = logs
    assert entry["reason"].startswith("METRICS_PORT: Input should be a valid integer")
    assert "hidden-value" not in str(logs)
