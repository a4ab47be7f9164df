"""The whole way of an exchange in processes that can be killed: gateway, then shipper, linker and ledger, to Postgres.

What a test compares in the end is what the scripted Claude saw with what Postgres holds.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import psutil
import pytest

from plait.cli.embedded import broker as embedded_broker
from plait.cli.embedded import kafka
from plait.cli.program import Program
from plait.fakes.client import Received, call
from plait.fakes.http1 import Header
from tests.faults.gateway_process import HOST, Process, process
from tests.ports import free_port
from tests.servers import Broker

KEYED: list[Header] = [HOST, ("x-api-key", "k")]
_ROWS = "SELECT tag, outcome, response_size FROM exchanges WHERE method IS NOT NULL"


class MortalBroker:
    """A broker of the given flavor in a process that can be killed and started again on the same port."""

    def __init__(self, flavor: str, home: Path) -> None:
        port = free_port()
        self.at = Broker(embedded_broker.servers(port), flavor)
        self._program: Program = (
            embedded_broker.prepare(port) if flavor == "embedded" else kafka.prepare(home / "kafka", port, free_port())
        )
        self._log = home / "broker.log"
        self._process: subprocess.Popen[bytes] | None = None

    async def start(self) -> None:
        """Returns when it listens."""
        with self._log.open("ab") as out:
            self._process = subprocess.Popen(self._program.argv, **self._program.options(), stdout=out, stderr=out)
        async with asyncio.timeout(60):
            while not self._program.ready(self._process.pid):
                assert self._process.poll() is None, self._log.read_text()[-2000:]
                await asyncio.sleep(0.02)

    def kill(self) -> None:
        """Without a word; nothing happens when it does not run."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


class Pipeline:
    """Sends numbered requests and knows how each of them ended for its client."""

    def __init__(self, gateway: Process, workers: psutil.Process, log: Path, database: asyncpg.Connection) -> None:
        self.gateway = gateway
        self.workers = workers
        self.workers_log = log
        self.database = database
        self.received: dict[int, Received] = {}

    async def ask(self, number: int, **more: Any) -> Received:
        """One request, numbered in its body for Claude and in its tag for the record."""
        body = json.dumps({"model": "m", "max_tokens": 1, "stream": True, "n": number, "messages": []}).encode()
        target = f"/t/n{number}/v1/messages"
        received = await call(self.gateway.port, "POST", target, KEYED, body, **more)
        self.received[number] = received
        return received

    async def ask_all(self, numbers: Iterable[int]) -> list[Received]:
        """Side by side."""
        return list(await asyncio.gather(*(self.ask(number) for number in numbers)))

    async def outcomes(self) -> dict[int, str | None]:
        """How the record says that each exchange ended, None while it runs."""
        return {int(row["tag"][1:]): row["outcome"] for row in await self.database.fetch(_ROWS)}

    async def until_recorded(self, numbers: Iterable[int], seconds: float = 60) -> None:
        """Until each of these exchanges is in Postgres with its end."""
        left = set(numbers)
        try:
            async with asyncio.timeout(seconds):
                while left:
                    left -= {number for number, outcome in (await self.outcomes()).items() if outcome}
                    await asyncio.sleep(0.05)
        except TimeoutError:
            pytest.fail(f"never recorded to their end: {sorted(left)}")

    async def difference(self, asked: Iterable[int]) -> dict[str, list[int]]:
        """Where Postgres says something else than Claude (who was `asked` these) and the clients; empty: nowhere."""
        rows = await self.database.fetch(_ROWS)
        numbers = [int(row["tag"][1:]) for row in rows]
        outcomes = await self.outcomes()
        sizes = {int(row["tag"][1:]): row["response_size"] for row in rows}
        whole = {number for number, received in self.received.items() if received.whole}
        found = {
            "missing": set(asked) - set(numbers),
            "invented": set(numbers) - set(asked),
            "twice": {number for number in numbers if numbers.count(number) > 1},
            "never ended": {number for number, outcome in outcomes.items() if outcome is None},
            "whole, and recorded otherwise": {number for number in whole if outcomes.get(number) != "complete"},
            "cut, and called complete": {
                number for number, outcome in outcomes.items() if outcome == "complete" and number not in whole
            },
            "of another size": {n for n in whole if sizes.get(n) != len(self.received[n].body)},
            "shorter than what was seen": {
                number
                for number, received in self.received.items()
                if number in sizes and (sizes[number] or 0) < len(received.body)
            },
        }
        return {kind: sorted(numbers) for kind, numbers in found.items() if numbers}


@asynccontextmanager
async def pipeline(
    claude_url: str, home: Path, broker: Broker, database: str, settings: Mapping[str, str] | None = None
) -> AsyncIterator[Pipeline]:
    """All of it running; `settings` are the gateway's."""
    spool = home / "spool"
    environment = {
        "SPOOL_DIR": str(spool),
        "DATABASE_URL": database,
        "KAFKA_BOOTSTRAP_SERVERS": broker.servers,
        "KAFKA_FLAVOR": broker.flavor,
        "KAFKA_ASSIGNMENT": "all" if broker.flavor == "embedded" else "group",
    }
    parts = [sys.executable, "-m", "plait.cli.hosting", "shipper", "linker", "ledger"]
    connection = await asyncpg.connect(database)
    log = home / "workers.log"
    with log.open("ab") as out:
        workers = subprocess.Popen(parts, env=os.environ | environment, stderr=out)
    try:
        async with process(claude_url, spool, settings) as gateway:
            yield Pipeline(gateway, psutil.Process(workers.pid), log, connection)
    finally:
        workers.send_signal(signal.SIGTERM)
        workers.wait(60)
        await connection.close()
