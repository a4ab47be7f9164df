"""Event streams as Claude's are, many at once: 20 events a second each, for ten seconds. Every event tells when it was
sent; load tool and upstream share a core, so the direct way too has gaps and delays of its own.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median, quantiles

import uvloop

from plait.cli.program import free_port, listening
from tests.bench import nginx
from tests.bench.gateway import Ledger, gateway
from tests.bench.paced import EVENT_BYTES
from tests.bench.pinning import DRIVING, MEASURED, pinned, resident_mb, staying_on
from tests.bench.plan import Plan
from tests.bench.readers import read_streams
from tests.bench.stage import DIRECT, NGINX, PLAIT
from tests.bench.tables import differences, figure, table

STREAMS = 400
_PERIOD_S = 0.05
_RISE_S = 1.0
_AIMS = "0 lost; added gap p99 2 ms, at most 5; memory at most 150 MB"


@dataclass
class Figures:
    """One way, a value per round (milliseconds, MB)."""

    lost: list[int] = field(default_factory=list)
    gap_ms: list[float] = field(default_factory=list)
    delay_ms: list[float] = field(default_factory=list)
    memory_mb: list[float] = field(default_factory=list)


def section(plan: Plan) -> list[str]:
    """Events lost, gaps, delays, and the memory of the gateway while all streams are open."""
    events = round(2.5 * plan.seconds / _PERIOD_S)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="plait-bench-")))
        there, between = free_port(), free_port()
        stack.enter_context(_upstream(there, events))
        theirs = stack.enter_context(nginx.proxy(folder / "proxy", between, MEASURED, there))
        ours = stack.enter_context(gateway(folder / "spool", f"http://127.0.0.1:{there}"))
        idle_mb = resident_mb(ours.process.pid)
        ways: dict[str, tuple[int, int | None]] = {
            DIRECT: (there, None), NGINX: (between, theirs), PLAIT: (ours.port, ours.process.pid)
        }  # fmt: skip
        found = {name: Figures() for name in ways}
        for _ in range(plan.rounds):
            for name, (port, pid) in ways.items():
                _measure(found[name], port, pid, events)
        whole = len(Ledger(ours.spool, least_bytes=events * EVENT_BYTES).read())
    return [*_report(found), "", f"Aim: {_AIMS}.", _kept(whole, plan.rounds, idle_mb)]


def _measure(found: Figures, port: int, pid: int | None, events: int) -> None:
    seen_mb = [0.0]
    patience_s = 2 * (_RISE_S + events * _PERIOD_S) + 10

    def watch() -> None:
        seen_mb.append(resident_mb(pid) if pid else 0.0)

    with staying_on(DRIVING):
        reads = uvloop.run(read_streams(port, STREAMS, _RISE_S, patience_s, watch))
    found.lost.append(sum(read.lost(events) for read in reads))
    found.gap_ms.append(_p99([gap for read in reads for gap in read.gaps_ms()]))
    found.delay_ms.append(_p99([delay for read in reads for delay in read.delays_ms()]))
    found.memory_mb.append(max(seen_mb))


def _p99(values: list[float]) -> float:
    return quantiles(values, n=100)[98]


def _report(found: dict[str, Figures]) -> list[str]:
    head = [f"{STREAMS} streams at once", "events lost", "gap p99, ms", "added", "delay p99, ms", "added", "memory, MB"]
    direct, rows = found[DIRECT], []
    for name, way in found.items():
        gap, delay = differences(way.gap_ms, direct.gap_ms), differences(way.delay_ms, direct.delay_ms)
        added = ["", ""] if name == DIRECT else [figure(gap, ".2f", bold=True), figure(delay, ".2f")]
        memory = f"{median(way.memory_mb):.0f}" if any(way.memory_mb) else ""
        gaps, delays = figure(way.gap_ms, ".2f"), figure(way.delay_ms, ".2f")
        rows.append([name, f"{sum(way.lost):,}", gaps, added[0], delays, added[1], memory])
    return table(head, rows)


def _kept(whole: int, rounds: int, idle_mb: float) -> str:
    return (
        f"The gateway had {idle_mb:.0f} MB before the first stream. Of the {rounds * STREAMS:,} streams through it the "
        f"spool holds {whole:,} whole."
    )


@contextmanager
def _upstream(port: int, events: int) -> Iterator[None]:
    argv = [sys.executable, "-m", "tests.bench.paced", str(port), str(events), str(_PERIOD_S)]
    process = subprocess.Popen(pinned(DRIVING, argv))
    try:
        until = time.monotonic() + 10
        while not listening(port):
            if process.poll() is not None or time.monotonic() > until:
                raise RuntimeError("the paced upstream did not start")
            time.sleep(0.05)
        yield
    finally:
        process.terminate()
        process.wait(10)
