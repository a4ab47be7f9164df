"""Writer and shipper killed as processes: what was appended is there once and in order, and nothing kills for ever."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from plait.common.events import ResponseEvent
from plait.gateway.shipper.journal import Journal
from plait.gateway.spool.reader import SpoolReader
from plait.gateway.spool.segments import START, set_aside
from tests.integration.spooled import Reading, Spooled
from tests.servers import Broker

_WRITE = """
import sys
from pathlib import Path
from plait.gateway.spool.frames import Frame, Kind
from plait.gateway.spool.writer import SpoolWriter
writer = SpoolWriter(Path(sys.argv[1]), segment_bytes=1 << 16, max_bytes=1 << 30)
number = int(sys.argv[2])
while True:
    group = [Frame(Kind.PIECE, n.to_bytes(16, "big"), b"x" * (n * 37 % 999)) for n in range(number, number + 7)]
    assert not writer.append_many(group)
    number += len(group)
    print(number, flush=True)
"""
_SHIP = """
import os, signal
from plait.gateway.shipper import leg
begin = leg.begin
def deadly(exchange_id, request):
    if b"deadly" in request.body:
        os.kill(os.getpid(), signal.SIGKILL)
    return begin(exchange_id, request)
leg.begin = deadly
from plait.cli.main import main
main(["run", "shipper"])
"""


def test_killed_while_it_writes_what_was_appended_is_there_once_and_in_order(tmp_path: Path) -> None:
    appended = 0
    for life in range(3):
        argv = [sys.executable, "-c", _WRITE, str(tmp_path), str(appended)]
        with subprocess.Popen(argv, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            told = [process.stdout.readline() for _ in range(20 + 30 * life)]
            process.kill()
            told += process.stdout.readlines()
            appended = int(told[-1])
        reader = SpoolReader(tmp_path, START, settled=True)
        found = [int.from_bytes(frame.exchange, "big") for frame in iter(reader.next, None)]
        reader.close()
        assert found[:appended] == list(range(appended)), "and perhaps a group that it was killed over"
        assert found == list(range(len(found)))
        appended = len(found)


@pytest.fixture
def spooled(tmp_path: Path, broker: Broker) -> Spooled:
    return Spooled(tmp_path / "spool", broker)


async def test_an_exchange_that_kills_the_shipper_is_set_aside_and_the_others_arrive(spooled: Spooled) -> None:
    before, deadly, behind = spooled.exchange(), spooled.exchange(b'"deadly"'), spooled.exchange()
    spooled.writer.close()
    environment = {
        "PATH": "/usr/bin:/bin",
        "SPOOL_DIR": str(spooled.directory),
        "KAFKA_BOOTSTRAP_SERVERS": spooled.broker.servers,
        "KAFKA_FLAVOR": spooled.broker.flavor,
    }
    deaths = 0
    while not set_aside(spooled.directory):
        process = await asyncio.create_subprocess_exec(sys.executable, "-c", _SHIP, env=environment)
        if await _dies(process, spooled):
            deaths += 1
            assert deaths <= 4
    async with Reading(spooled.settings, "plait.test") as reading:
        await reading.until_ended([before, behind])
    assert set_aside(spooled.directory) == {deadly.bytes}
    assert not reading.of(deadly, ResponseEvent)
    assert Journal(spooled.directory).suspect is None


async def _dies(process: asyncio.subprocess.Process, spooled: Spooled) -> bool:
    """Wait until it has died, or set the deadly one aside and ended when it was asked to."""
    ending = asyncio.create_task(process.wait())
    while not ending.done() and not set_aside(spooled.directory):
        await asyncio.wait({ending}, timeout=0.05)
    if not ending.done():
        process.terminate()
    return await ending == -signal.SIGKILL
