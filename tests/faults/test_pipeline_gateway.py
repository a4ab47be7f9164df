"""A gateway that is killed, stopped, denied its disk, and given a damaged spool, with traffic on it all the while."""

from __future__ import annotations

import asyncio
import json
import resource
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from plait.fakes import messages
from plait.fakes.answers import Answer, stream_answer
from plait.fakes.claude import ScriptedClaude
from plait.fakes.ledger import Call
from plait.gateway.spool.segments import segment_numbers, segment_path
from tests.faults.pipeline import pipeline
from tests.servers import Broker

OPEN = 50
FIRST_SLOW = 1000
"""Requests from this number on are answered slowly."""


def answer(call: Call) -> Answer:
    events = messages.events_of(messages.message(messages.text(f"number {call.json['n']} " * 10)))
    return stream_answer(events, wait=0.1 if call.json["n"] >= FIRST_SLOW else 0)


@pytest.fixture
async def claude() -> AsyncIterator[ScriptedClaude]:
    async with ScriptedClaude() as scripted:
        scripted.rules.append(answer)
        yield scripted


@pytest.mark.parametrize("byte_lane", ["on", "off"])
async def test_killed_with_50_streams_open_and_stopped_under_load(
    claude: ScriptedClaude, broker: Broker, postgres_url: str, tmp_path: Path, byte_lane: str
) -> None:
    settings = {"BYTE_LANE": byte_lane}
    async with pipeline(claude.url, tmp_path, broker, postgres_url, settings) as plait:
        await plait.ask_all(range(50))
        streams = asyncio.create_task(plait.ask_all(range(FIRST_SLOW, FIRST_SLOW + OPEN)))
        await claude.call(50 + OPEN - 1)
        await plait.gateway.end(signal.SIGKILL)
        assert not any(received.whole for received in await streams)

        damage_the_end(plait.gateway.spool)
        await plait.gateway.start()
        await plait.ask_all(range(50, 100))
        streams = asyncio.create_task(plait.ask_all(range(FIRST_SLOW + OPEN, FIRST_SLOW + OPEN + 20)))
        await claude.call(100 + OPEN + 19)
        assert await plait.gateway.end(signal.SIGTERM) == 0
        assert all(received.whole for received in await streams)

        asked = [call.json["n"] for call in claude.calls]
        await plait.until_recorded(asked)
        assert await plait.difference(asked) == {}
        outcomes = await plait.outcomes()
        assert {outcomes[number] for number in range(FIRST_SLOW, FIRST_SLOW + OPEN)} == {"aborted"}
        assert b"Traceback" not in plait.gateway.log


def damage_the_end(spool: Path) -> None:
    """As a crash in the middle of a write leaves it."""
    with segment_path(spool, segment_numbers(spool)[-1]).open("ab") as newest:
        newest.write(b"\xf5Plt\x01 half a record")


async def test_a_full_disk_costs_records_of_that_time_and_no_answer(
    claude: ScriptedClaude, broker: Broker, postgres_url: str, tmp_path: Path
) -> None:
    async with pipeline(claude.url, tmp_path, broker, postgres_url) as plait:
        await plait.ask_all(range(20))
        running = asyncio.create_task(plait.ask_all(range(FIRST_SLOW, FIRST_SLOW + 10)))
        await claude.call(29)
        with full_disk(plait.gateway.pid, 100):
            await plait.ask_all(range(20, 40))
            health = json.loads((await plait.gateway.get("/health/ready")).body)
            assert health["checks"]["spool"]["status"] == "degraded"
            await running
        assert all(received.whole for received in plait.received.values()), "the relay has nothing to do with it"
        await plait.ask_all(range(40, 60))
        sure = [*range(20), *range(40, 60)]
        await plait.until_recorded(sure)
        while running_rows := [n for n, outcome in (await plait.outcomes()).items() if outcome is None]:
            await plait.until_recorded(running_rows)
        outcomes = await plait.outcomes()
        assert {outcomes[number] for number in sure} == {"complete"}
        cut_short = {outcomes.get(number) for number in range(FIRST_SLOW, FIRST_SLOW + 10)}
        assert "complete" not in cut_short, "what lacks a piece is not called whole"
        assert not set(outcomes) & set(range(20, 40)), "there was no disk to record them on"


@contextmanager
def full_disk(pid: int, size: int) -> Iterator[None]:
    """Files of this process cannot grow beyond `size` bytes."""
    _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    soft, _ = resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (soft, hard))
