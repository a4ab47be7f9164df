"""The gateway killed as a process: what it had answered is in the spool, what it had not is never a success."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from plait.fakes.answers import json_answer, stream_answer
from plait.fakes.claude import ScriptedClaude
from plait.fakes.client import Received, call
from plait.gateway.spool.records import End, Ending, Piece, Record, Request
from tests.faults.gateway_process import HOST, Process, process

OPEN = 20


@pytest.fixture
async def claude() -> AsyncIterator[ScriptedClaude]:
    async with ScriptedClaude() as scripted:
        yield scripted


async def test_killed_with_streams_open_it_has_recorded_all_that_it_answered(
    claude: ScriptedClaude, tmp_path: Path
) -> None:
    gate = asyncio.Event()
    streaming = stream_answer([b"data: %d\n\n" % n for n in range(3)]).gated(gate, 2)
    claude.rules.append(lambda asked: streaming if int(asked.body) < OPEN else json_answer({"n": int(asked.body)}))
    async with process(claude.url, tmp_path) as gateway:
        streams = [asyncio.create_task(gateway.post(n)) for n in range(OPEN)]
        answered = [await gateway.post(OPEN + n) for n in range(100)]
        await claude.call(OPEN + 99)
        await gateway.end(signal.SIGKILL)
        cut = await asyncio.gather(*streams)
        assert not any(one.whole for one in cut)
        await gateway.start()
        records = gateway.records()
    for one in answered:
        assert one.status == 200
        request, *_, end = records[one.request_id or ""]
        assert isinstance(request, Request)
        assert isinstance(end, End)
        assert end.ending is Ending.WHOLE
        assert recorded_body(records[one.request_id or ""]) == one.body
    for one in cut:
        end = records[one.request_id or ""][-1]
        assert isinstance(end, End)
        assert end.ending is Ending.GATEWAY_LOST
        assert recorded_body(records[one.request_id or ""]).startswith(one.body)
    ends = [record for found in records.values() for record in found if isinstance(record, End)]
    assert len(ends) == len(records) == OPEN + 100


def recorded_body(records: list[Record]) -> bytes:
    """In pieces, or together with the end."""
    pieces = [record.data for record in records if isinstance(record, Piece)]
    with_end = [record.answer.data for record in records if isinstance(record, End) and record.answer is not None]
    return b"".join(pieces + with_end)


async def test_killed_again_and_again_under_load_nothing_answered_is_lost(
    claude: ScriptedClaude, tmp_path: Path
) -> None:
    claude.rules.append(lambda asked: json_answer({"n": int(asked.body)}))
    answered: list[Received] = []

    async def load(gateway: Process, first: int) -> None:
        for n in range(first, first + 100_000):
            received = await gateway.post(n)
            if not received.whole:
                return
            answered.append(received)

    async with process(claude.url, tmp_path) as gateway:
        for life in range(3):
            before = len(answered)
            workers = [asyncio.create_task(load(gateway, (life * 8 + n) * 1_000_000)) for n in range(8)]
            while len(answered) < before + 60 + 37 * life:
                await asyncio.sleep(0.001)
            await gateway.end(signal.SIGKILL)
            await asyncio.gather(*workers)
            await gateway.start()
        records = gateway.records()
    for one in answered:
        end = records[one.request_id or ""][-1]
        assert isinstance(end, End)
        assert end.ending is Ending.WHOLE
        assert recorded_body(records[one.request_id or ""]) == one.body


async def test_stopped_under_load_it_finishes_what_runs_and_exits_cleanly(
    claude: ScriptedClaude, tmp_path: Path
) -> None:
    claude.rules.append(lambda _: stream_answer([b"data: %d\n\n" % n for n in range(10)], wait=0.1))
    async with process(claude.url, tmp_path) as gateway:
        streams = [asyncio.create_task(gateway.post(n)) for n in range(5)]
        await claude.call(4)
        assert await gateway.end(signal.SIGTERM) == 0
        assert all(one.whole for one in await asyncio.gather(*streams))
        assert b"Traceback" not in gateway.log
        assert b'"error"' not in gateway.log


async def test_clients_cuts_and_kills_leave_no_traceback(claude: ScriptedClaude, tmp_path: Path) -> None:
    events = stream_answer([b"data: %d\n\n" % n for n in range(50)], wait=0.01)
    kinds = {0: events.ending("cut", after=5), 1: events.ending("reset", after=5), 2: events}
    claude.rules.append(lambda asked: kinds[int(asked.body) % 3])
    async with process(claude.url, tmp_path) as gateway:
        leaving = [
            call(gateway.port, "POST", "/v1/messages", [HOST], b"%d" % n, leave_after=30 if n % 3 == 2 else None)
            for n in range(30)
        ]
        assert not any(one.whole for one in await asyncio.gather(*leaving))
        await asyncio.gather(*(asked.over.wait() for asked in claude.calls))
        assert await gateway.end(signal.SIGTERM) == 0
        assert b"Traceback" not in gateway.log
        assert b"exception" not in gateway.log.lower()
        endings = {record.ending for found in gateway.records().values() for record in found if isinstance(record, End)}
    assert endings == {Ending.UPSTREAM_CUT, Ending.CLIENT_GONE}
