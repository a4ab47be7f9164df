"""A gateway as a process of its own, which can be killed and started again on the same spool and port."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import UUID

import pytest

from plait.fakes.client import Received, call
from plait.fakes.http1 import Header
from plait.gateway.spool.reader import SpoolReader
from plait.gateway.spool.records import Record, from_frame
from plait.gateway.spool.segments import START
from tests.ports import free_port

HOST: Header = ("Host", "faults.example.test")
_RUN = "from plait.cli.main import main; main(['run', 'gateway'])"


class Process:
    """`settings` are its environment variables beside the necessary ones."""

    def __init__(self, claude_url: str, spool: Path, settings: Mapping[str, str] | None = None) -> None:
        self.spool = spool
        self.port = free_port()
        self._environment = {
            "PATH": os.environ["PATH"],
            "PORT": str(self.port),
            "SPOOL_DIR": str(spool),
            "MASKING_KEY": "cd" * 32,
            "CREDENTIALS_DIR": str(spool / "no-credentials"),
            "CLAUDE_API_BASE_URL": claude_url,
            **(settings or {}),
        }
        self._process: asyncio.subprocess.Process | None = None
        self.log = b""

    @property
    def pid(self) -> int:
        """Of the process that runs now."""
        assert self._process is not None
        return self._process.pid

    async def start(self) -> None:
        """Returns when it answers."""
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", _RUN, env=self._environment, stderr=asyncio.subprocess.PIPE
        )
        async with asyncio.timeout(60):
            while (await call(self.port, "GET", "/health/live", [HOST])).status != 200:
                if self._process.returncode is not None:
                    pytest.fail(f"the gateway ended: {(await self._process.communicate())[1].decode()[-2000:]}")
                await asyncio.sleep(0.05)

    async def end(self, number: signal.Signals) -> int:
        """Send a signal; the exit status."""
        assert self._process is not None
        if self._process.returncode is None:
            self._process.send_signal(number)
        _, log = await self._process.communicate()
        self.log += log
        return await self._process.wait()

    async def post(self, number: int) -> Received:
        """A request whose body is this number."""
        return await call(self.port, "POST", "/v1/messages", [HOST], b"%d" % number)

    async def get(self, path: str) -> Received:
        """A request of its own pages."""
        return await call(self.port, "GET", path, [HOST])

    def records(self) -> dict[str, list[Record]]:
        """What the spool holds, by exchange."""
        found: dict[str, list[Record]] = {}
        reader = SpoolReader(self.spool, START, settled=True)
        while (frame := reader.next()) is not None:
            found.setdefault(str(UUID(bytes=frame.exchange)), []).append(from_frame(frame))
        assert reader.damaged == 0
        reader.close()
        return found


@asynccontextmanager
async def process(claude_url: str, spool: Path, settings: Mapping[str, str] | None = None) -> AsyncIterator[Process]:
    """A running gateway; killed at the end if it still runs."""
    running = Process(claude_url, spool, settings)
    await running.start()
    try:
        yield running
    finally:
        await running.end(signal.SIGKILL)
