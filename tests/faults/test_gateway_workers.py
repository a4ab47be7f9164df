"""Several gateways on one port: each records for itself, one that dies is replaced, and none outlives its parent."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest
from pydantic import SecretStr

from plait.fakes.answers import json_answer, stream_answer
from plait.fakes.claude import ScriptedClaude
from plait.fakes.client import Received
from plait.gateway.settings import RelaySettings
from plait.gateway.spool.frames import Kind
from plait.gateway.spool.reader import SpoolReader
from plait.gateway.spool.segments import START, spools_under
from plait.gateway.workers import of_worker
from tests.faults.gateway_process import Process, process

WORKERS = 2


@pytest.fixture
async def claude() -> AsyncIterator[ScriptedClaude]:
    async with ScriptedClaude() as scripted:
        scripted.rules.append(lambda asked: json_answer({"n": int(asked.body)}))
        yield scripted


@pytest.fixture
async def gateway(claude: ScriptedClaude, tmp_path: Path) -> AsyncIterator[Process]:
    async with process(claude.url, tmp_path, {"GATEWAY_WORKERS": str(WORKERS)}) as running:
        yield running


def ended(spool: Path) -> dict[Path, set[bytes]]:
    """The exchanges that each spool has to their end."""
    found: dict[Path, set[bytes]] = {}
    for directory in spools_under(spool):
        reader = SpoolReader(directory, START, settled=True)
        found[directory] = {frame.exchange for frame in iter(reader.next, None) if frame.kind == Kind.END}
        reader.close()
    return found


async def workers(gateway: Process) -> list[psutil.Process]:
    """All of them, once they are there."""
    async with asyncio.timeout(60):
        while len(found := psutil.Process(gateway.pid).children()) < WORKERS:
            await asyncio.sleep(0.05)
    return found


async def post_until(gateway: Process, spools: int) -> list[Received]:
    """Calls until so many spools have one that has ended."""
    answers: list[Received] = []
    async with asyncio.timeout(60):
        while sum(bool(names) for names in ended(gateway.spool).values()) < spools:
            answers += await asyncio.gather(*(gateway.post(n) for n in range(8)))
    return answers


async def test_all_workers_answer_and_each_records_in_a_spool_of_its_own(gateway: Process) -> None:
    answers = await post_until(gateway, WORKERS)
    assert {answer.status for answer in answers} == {200}
    found = ended(gateway.spool)
    assert sum(len(names) for names in found.values()) == len(answers)
    assert not found[gateway.spool]
    assert await gateway.end(signal.SIGTERM) == 0
    assert not [name for name in gateway.log.splitlines() if b'"error"' in name]


async def test_a_worker_that_is_killed_is_replaced_and_the_others_go_on(gateway: Process) -> None:
    await post_until(gateway, WORKERS)
    before = await workers(gateway)
    before[0].kill()
    async with asyncio.timeout(60):
        while {each.pid for each in await workers(gateway)} == {each.pid for each in before}:
            await asyncio.sleep(0.02)
        while (await gateway.post(1)).status != 200:
            await asyncio.sleep(0.02)
    assert before[1].is_running()
    await gateway.end(signal.SIGTERM)
    assert b"a worker ended and is started again" in gateway.log


async def test_asked_to_stop_they_finish_what_runs(claude: ScriptedClaude, gateway: Process) -> None:
    claude.rules.insert(0, lambda _: stream_answer([b"data: %d\n\n" % n for n in range(10)], wait=0.1))
    streams = [asyncio.create_task(gateway.post(n)) for n in range(6)]
    await claude.call(5)
    assert await gateway.end(signal.SIGTERM) == 0
    assert all(one.whole for one in await asyncio.gather(*streams))


async def test_workers_do_not_outlive_who_started_them(gateway: Process) -> None:
    left = await workers(gateway)
    await gateway.end(signal.SIGKILL)
    _, alive = await asyncio.to_thread(psutil.wait_procs, left, 60)
    assert not alive


def test_each_worker_has_its_own_spool_share_of_the_disk_and_port_for_metrics(tmp_path: Path) -> None:
    common = RelaySettings(
        _env_file=None,
        masking_key=SecretStr("ab" * 32),
        spool_dir=tmp_path,
        spool_max_bytes=1 << 30,
        gateway_workers=4,
        metrics_port=9100,
    )
    third = of_worker(common, 3)
    assert (third.spool_dir, third.spool_max_bytes, third.metrics_port) == (tmp_path / "worker-3", 1 << 28, 9102)
    assert of_worker(common.model_copy(update={"metrics_port": 0}), 3).metrics_port == 0
