"""A whole `plait up` for a benchmark, in a folder that goes with it."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from plait.cli.program import free_port
from plait.fakes.client import call

KEY = "bench-key"
PLAIT = str(Path(sys.executable).parent / "plait")


@dataclass(frozen=True)
class Instance:
    """Ports of a running Plait."""

    gateway: int
    api: int

    async def record(self, request_id: str) -> dict[str, Any] | None:
        """The finished record of an exchange, None while there is none."""
        answer = await call(self.api, "GET", f"/api/requests/{request_id}", [("host", "x"), ("x-dashboard-key", KEY)])
        found: dict[str, Any] = json.loads(answer.body) if answer.status == 200 else {}
        return found if found.get("outcome") else None

    async def ready(self) -> bool:
        """Whether gateway and api both say so."""
        answers = [await call(p, "GET", "/health/ready", [("host", "x")], within=3) for p in (self.gateway, self.api)]
        return all(answer.status == 200 for answer in answers)


@asynccontextmanager
async def instance(home: Path, claude_url: str, *options: str) -> AsyncIterator[Instance]:
    """`plait up` with `options`, ready; ended at the end.

    Raises:
        TimeoutError: it is not ready within a minute.
    """
    running = Instance(free_port(), free_port())
    argv = [PLAIT, "up", "--home", str(home), "--no-dashboard", "--gateway-port", str(running.gateway)]
    process = subprocess.Popen(
        [*argv, "--api-port", str(running.api), *options],
        env=os.environ | {"CLAUDE_API_BASE_URL": claude_url, "DASHBOARD_API_KEY": KEY},
        stdout=subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(60):
            while not await running.ready():
                await asyncio.sleep(0.1)
        yield running
    finally:
        process.terminate()
        process.wait(30)
