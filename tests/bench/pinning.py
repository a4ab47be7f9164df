"""Which core a process may use: what is measured has one to itself, what drives and answers it has the other."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import psutil

CORES = sorted(os.sched_getaffinity(0))
MEASURED = CORES[0]
DRIVING = CORES[-1]


def pinned(core: int, argv: Sequence[str]) -> list[str]:
    """The command, bound to one core."""
    return ["taskset", "-c", str(core), *argv]


@contextmanager
def staying_on(core: int) -> Iterator[None]:
    """This process itself, bound to one core for the length of the block."""
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, CORES)


def core_count() -> int:
    """How many cores this run may use."""
    return len(CORES)


def cpu_seconds(pid: int) -> float:
    """Processor time that a process and its children have used, user and system."""
    return sum(used.user + used.system for used in (process.cpu_times() for process in _family(pid)))


def resident_mb(pid: int) -> float:
    """Memory that a process and its children have resident, in MB (2**20 bytes)."""
    return sum(process.memory_info().rss for process in _family(pid)) / 2**20


def _family(pid: int) -> list[psutil.Process]:
    parent = psutil.Process(pid)
    return [parent, *parent.children(recursive=True)]
