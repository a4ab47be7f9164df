"""Relay: calls a second at 32 connections, added median latency at one; direct, nginx and our gateway in turn.

Capture is on: every exchange goes to the spool. Nothing ships it meanwhile, as in a deployment where the shipper has
a core of its own.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from plait.cli.program import free_port, listening
from tests.bench import load, nginx
from tests.bench.pinning import DRIVING, MEASURED, pinned

ANSWER = json.dumps({"id": "msg_01", "type": "message", "role": "assistant", "content": "x" * 900}).encode()
STREAM = b"".join(
    b'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":{"text":"%d"}}\n\n' % n
    for n in range(50)
)
BODY = json.dumps({"model": "claude-opus-5-5", "messages": [{"role": "user", "content": "y" * 900}]})
PATHS = {"1 KB answer": "/v1/messages", "50 events": "/v1/stream"}


@dataclass
class Figures:
    """Results of one way, a value per round."""

    rates: list[float] = field(default_factory=list)
    medians_us: list[float] = field(default_factory=list)


@contextmanager
def gateway(folder: Path, port: int, upstream_port: int) -> Iterator[None]:
    """Our gateway alone, capture on, bound to the measured core."""
    env = os.environ | {
        "HOST": "127.0.0.1", "PORT": str(port), "SPOOL_DIR": str(folder / "spool"), "MASKING_KEY": "00" * 32,
        "CLAUDE_API_BASE_URL": f"http://127.0.0.1:{upstream_port}", "LOG_LEVEL": "error",
        "SPOOL_MAX_BYTES": str(32 * 1024**3),
    }  # fmt: skip
    argv = [str(Path(sys.executable).parent / "plait"), "run", "gateway"]
    process = subprocess.Popen(pinned(MEASURED, argv), env=env)
    try:
        until = time.monotonic() + 15
        while not listening(port):
            if process.poll() is not None or time.monotonic() > until:
                raise RuntimeError("the gateway did not start")
            time.sleep(0.05)
        yield
    finally:
        process.terminate()
        process.wait(20)


def measure(rounds: int = 3, seconds: float = 4) -> dict[str, dict[str, Figures]]:
    """Path name → way → figures. The ways take turns within a round, so that drift of the machine meets all."""
    figures = {name: {way: Figures() for way in ("direct", "nginx", "plait")} for name in PATHS}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="plait-bench-")))
        ports = {way: free_port() for way in ("direct", "nginx", "plait")}
        stack.enter_context(nginx.upstream(folder / "upstream", ports["direct"], DRIVING, ANSWER, STREAM))
        stack.enter_context(nginx.proxy(folder / "proxy", ports["nginx"], MEASURED, ports["direct"]))
        stack.enter_context(gateway(folder, ports["plait"], ports["direct"]))
        scripts = {name: load.script(folder, path, BODY) for name, path in PATHS.items()}
        for _ in range(rounds):
            for name, lua in scripts.items():
                for way, port in ports.items():
                    found = figures[name][way]
                    found.rates.append(load.drive(port, lua, connections=32, seconds=seconds).rate)
                    found.medians_us.append(load.drive(port, lua, connections=1, seconds=seconds / 2).median_us)
    return figures


def report(figures: dict[str, dict[str, Figures]]) -> list[str]:
    """Two Markdown tables."""
    lines = [
        "| calls a second, 32 connections | direct | nginx | Plait | Plait / nginx (each round) |",
        "|---|---|---|---|---|",
    ]
    for name, ways in figures.items():
        ratios = [ours / theirs for ours, theirs in zip(ways["plait"].rates, ways["nginx"].rates, strict=True)]
        cells = [f"{median(ways[way].rates):,.0f}" for way in ("direct", "nginx", "plait")]
        lines.append(f"| {name} | {' | '.join(cells)} | **{median(ratios):.2f}** ({_spread(ratios, '.2f')}) |")
    lines += ["", "| added median latency, 1 connection, ms | nginx | Plait |", "|---|---|---|"]
    for name, ways in figures.items():
        cells = []
        for way in ("nginx", "plait"):
            pairs = zip(ways[way].medians_us, ways["direct"].medians_us, strict=True)
            added = [(ours - direct) / 1000 for ours, direct in pairs]
            cells.append(f"{median(added):.3f} ({_spread(added, '.3f')})")
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return lines


def _spread(values: list[float], form: str) -> str:
    return f"{min(values):{form}} to {max(values):{form}}"
