"""The gateway's resident memory over very many exchanges, 1 KB answers and event streams in turn, at 32 connections.

Nothing ships; what is counted as whole is deleted from the spool, as the shipper would.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import cycle
from statistics import linear_regression

from tests.bench import load
from tests.bench.gateway import Ledger
from tests.bench.pinning import resident_mb
from tests.bench.plan import Plan
from tests.bench.relay import CONNECTIONS, PATHS
from tests.bench.stage import LEAST_BYTES, PLAIT, body, stage
from tests.bench.tables import table

_SAMPLES = 10
_WARM = 0.2
"""Share of the exchanges after which pools, caches and the allocator have what they keep."""


@dataclass(frozen=True)
class Sample:
    """After so many exchanges, so much memory."""

    exchanges: int
    resident_mb: float


def section(plan: Plan) -> list[str]:
    """Samples, and how much is added for every 100,000 exchanges."""
    with stage() as here:
        ours = here.gateways[PLAIT]
        lua, ledger = load.script(here.folder, body(900)), Ledger(ours.spool, least_bytes=LEAST_BYTES)
        samples, answered, whole = [Sample(0, resident_mb(ours.process.pid))], 0, 0
        for path in cycle(PATHS.values()):
            if answered >= plan.exchanges:
                break
            url = here.ways[PLAIT].address + path
            answered += load.drive(url, lua, connections=CONNECTIONS, seconds=plan.seconds).calls
            whole += len(ledger.read())
            samples.append(Sample(answered, resident_mb(ours.process.pid)))
    kept = f"Answered {answered:,}, whole records {whole:,}: {max(answered - whole, 0):,} lost."
    return [*_report(samples), "", kept, _growth(samples)]


def _report(samples: list[Sample]) -> list[str]:
    shown = sorted({round(n * (len(samples) - 1) / _SAMPLES) for n in range(_SAMPLES + 1)})
    exchanges = [f"{samples[place].exchanges:,}" for place in shown]
    return table(["exchanges", *exchanges], [["memory, MB", *(f"{samples[place].resident_mb:.1f}" for place in shown)]])


def _growth(samples: list[Sample]) -> str:
    """By the straight line nearest to the samples after the first fifth."""
    later = [sample for sample in samples if sample.exchanges >= _WARM * samples[-1].exchanges]
    if len(later) < _SAMPLES // 2:
        return "Too few samples to say how it grows."
    line = linear_regression([sample.exchanges for sample in later], [sample.resident_mb for sample in later])
    return (
        f"After the first fifth it grows by **{line.slope * 100_000:+.2f} MB** for every 100,000 exchanges (aim: flat)."
    )
