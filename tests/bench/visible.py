"""How long after its answer has ended an exchange is in the read API, under a steady load of small turns."""

from __future__ import annotations

import asyncio
import json
import tempfile
import time
from pathlib import Path
from statistics import quantiles
from uuid import uuid4

from plait.fakes.claude import ScriptedClaude
from plait.fakes.client import call
from tests.bench.instance import Instance, instance

SESSIONS = 5
TURNS = 20
PAUSE_S = 0.2
_POLL_S = 0.02
_PATIENCE_S = 30.0


async def measure(*options: str) -> list[float]:
    """Seconds from the end of each answer to its finished record, of SESSIONS × TURNS exchanges."""
    with tempfile.TemporaryDirectory(prefix="plait-bench-") as folder:
        async with ScriptedClaude() as claude, instance(Path(folder) / "home", claude.url, *options) as plait:
            await _session(plait, "warm-up", 1)  # consumers join their groups after gateway and api are ready
            found = await asyncio.gather(*(_session(plait, str(n), TURNS) for n in range(SESSIONS)))
    return [delay for delays in found for delay in delays]


async def _session(plait: Instance, name: str, turns: int) -> list[float]:
    """One client's turns, each with all of those before it; every record is awaited beside the next turns."""
    session = str(uuid4())
    messages = [{"role": "user", "content": f"Benchmark {name}"}]
    waits = []
    for turn in range(turns):
        body = json.dumps({"model": "claude-opus-5-5", "max_tokens": 64, "stream": turn % 2 == 0, "messages": messages})
        headers = [("host", "bench.test"), ("x-api-key", "sk-ant-fake"), ("x-claude-code-session-id", session)]
        answer = await call(plait.gateway, "POST", "/v1/messages", headers, body.encode())
        if not answer.whole or answer.status != 200 or answer.request_id is None:
            raise RuntimeError(f"a call failed: {answer.status} {answer.error}")
        waits.append(asyncio.ensure_future(_visible(plait, answer.request_id)))
        messages += [{"role": "assistant", "content": f"Answer {turn}"}, {"role": "user", "content": f"More {turn}"}]
        await asyncio.sleep(PAUSE_S)
    return await asyncio.gather(*waits)


async def _visible(plait: Instance, request_id: str) -> float:
    began = time.monotonic()
    async with asyncio.timeout(_PATIENCE_S):
        while await plait.record(request_id) is None:
            await asyncio.sleep(_POLL_S)
    return time.monotonic() - began


def report(delays: dict[str, list[float]]) -> list[str]:
    """A Markdown table, a row a broker."""
    lines = ["| end of answer to record in the API, s | exchanges | p50 | p95 | slowest |", "|---|---|---|---|---|"]
    for broker, found in delays.items():
        cuts = quantiles(found, n=20)
        lines.append(f"| {broker} | {len(found)} | {cuts[9]:.2f} | **{cuts[18]:.2f}** | {max(found):.2f} |")
    return lines
