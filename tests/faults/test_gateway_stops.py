"""The gateway asked to end as a process: streams finish, the spool is whole, and who asks twice does not wait."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from plait.fakes.answers import stream_answer
from plait.fakes.claude import ScriptedClaude
from plait.fakes.client import Received, call
from plait.gateway.spool.records import End, Ending
from tests.faults.gateway_process import HOST, Process, process

EVENTS = [b"data: %d\n\n" % n for n in range(6)]


@pytest.fixture
async def claude() -> AsyncIterator[ScriptedClaude]:
    async with ScriptedClaude() as scripted:
        yield scripted


async def refused(gateway: Process) -> None:
    """Returns when nobody listens on the gateway's port any more."""
    async with asyncio.timeout(60):
        while (await call(gateway.port, "GET", "/health/live", [HOST])).status:
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_stop_finishes_streams_lets_nobody_in_and_exits_0(
    claude: ScriptedClaude, tmp_path: Path, number: signal.Signals
) -> None:
    gate = asyncio.Event()
    claude.rules.append(lambda _: stream_answer(EVENTS).gated(gate, 3))
    async with process(claude.url, tmp_path) as gateway:
        streams = [asyncio.create_task(gateway.post(n)) for n in range(5)]
        await claude.call(4)
        ending = asyncio.create_task(gateway.end(number))
        await refused(gateway)
        gate.set()
        received = await asyncio.gather(*streams)
        assert await ending == 0
        records = gateway.records()
    assert [(one.whole, one.body) for one in received] == [(True, b"".join(EVENTS))] * 5
    ends = [records[one.request_id or ""][-1] for one in received]
    assert [end.ending for end in ends if isinstance(end, End)] == [Ending.WHOLE] * 5
    assert gateway.log.count(b'"event":"exchange"') == 5, "the access log is written to its end"


async def told_twice(gateway: Process, claude: ScriptedClaude) -> Received:
    """What a client has seen whose gateway was stopped by two signals while Claude's answer went on."""
    claude.rules.append(lambda _: stream_answer(EVENTS).ending("hold"))
    stream = asyncio.create_task(gateway.post(1))
    await claude.call(0)
    os.kill(gateway.pid, signal.SIGTERM)
    await refused(gateway)
    assert await gateway.end(signal.SIGTERM) == 128 + signal.SIGTERM, "who ends after the grace time ends with 0"
    received = await stream
    assert not received.whole
    return received


async def test_a_second_signal_ends_its_workers_too(claude: ScriptedClaude, tmp_path: Path) -> None:
    async with process(claude.url, tmp_path, {"GATEWAY_WORKERS": "2"}) as gateway:
        await told_twice(gateway, claude)


async def test_a_second_signal_ends_it_at_once_and_loses_nothing(claude: ScriptedClaude, tmp_path: Path) -> None:
    async with process(claude.url, tmp_path) as gateway:
        received = await told_twice(gateway, claude)
        await gateway.start()
        end = gateway.records()[received.request_id or ""][-1]
    assert isinstance(end, End)
    assert end.ending is Ending.GATEWAY_LOST
