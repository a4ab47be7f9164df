"""Which core a process may use: what is measured has one to itself, what drives and answers it has the other."""

from __future__ import annotations

import os
from collections.abc import Sequence

CORES = sorted(os.sched_getaffinity(0))
MEASURED = CORES[0]
DRIVING = CORES[-1]


def pinned(core: int, argv: Sequence[str]) -> list[str]:
    """The command, bound to one core."""
    return ["taskset", "-c", str(core), *argv]


def core_count() -> int:
    """How many cores this run may use."""
    return len(CORES)
