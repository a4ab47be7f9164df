"""A gateway in this process between a scripted Claude and the test's own clients, with its byte lane and without."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path

import pytest
import uvloop

from plait.fakes.claude import ScriptedClaude
from tests.contract.gateway.relaying import Gateway, relaying


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """The event loop that the gateway has in production (plait.cli.hosting)."""
    return {"uvloop": uvloop.new_event_loop}


@pytest.fixture(autouse=True, params=["on", "off"])
def byte_lane(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Every gateway of a test runs so: both ways through it have to keep the whole contract."""
    monkeypatch.setenv("BYTE_LANE", request.param)
    return str(request.param)


@pytest.fixture
async def claude() -> AsyncIterator[ScriptedClaude]:
    async with ScriptedClaude() as scripted:
        yield scripted


@pytest.fixture
async def gateway(claude: ScriptedClaude, tmp_path: Path) -> AsyncIterator[Gateway]:
    async with relaying(claude.url, tmp_path / "spool") as running:
        yield running
