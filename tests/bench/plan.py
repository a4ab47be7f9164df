"""How long the benchmarks run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Plan:
    """How much of everything."""

    rounds: int = 3
    seconds: int = 4
    """Of one run of the load tool."""
    exchanges: int = 200_000
    """Over how many the gateway's memory is watched."""
    turns: int = 200
    """Of each conversation by which the record's growth is measured."""
    histories: tuple[int, ...] = (10_000, 1_000_000)
    """Exchanges of the made-up histories on which the read API is timed."""
    kept: Path | None = None
    """Where they are kept; None: nowhere."""


QUICK = Plan(rounds=1, seconds=1, exchanges=20_000, turns=20, histories=(1_000, 10_000))
"""To see that everything works; its figures say little."""

MILLION = Plan(exchanges=1_000_000)
