"""When the demo counts its notices."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest

from plait.cli import demo_notices
from plait.cli.demo_notices import Receivers
from plait.fakes.receiver import WebhookReceiver
from plait.fakes.slack import ScriptedSlack


async def test_who_is_behind_is_waited_for_however_quiet_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo_notices, "_QUIET_S", 0.01)
    monkeypatch.setattr(demo_notices, "_LONGEST_S", 600)
    arrived: list[dict[str, Any]] = []
    slack = cast("ScriptedSlack", SimpleNamespace(calls=[1], messages=[{}]))
    webhook = cast("WebhookReceiver", SimpleNamespace(calls=arrived, received=arrived))
    settling = asyncio.create_task(Receivers(slack, webhook).settled())
    await asyncio.sleep(0.3)  # three looks
    assert not settling.done()
    arrived.append({})
    await asyncio.wait_for(settling, 60)
