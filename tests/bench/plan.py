"""How long the benchmarks run."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Plan:
    """Rounds, seconds of one run, and how many exchanges the memory is watched over."""

    rounds: int = 3
    seconds: int = 4
    exchanges: int = 200_000


QUICK = Plan(rounds=1, seconds=1, exchanges=20_000)
"""To see that everything works; its figures say little."""

MILLION = Plan(exchanges=1_000_000)
