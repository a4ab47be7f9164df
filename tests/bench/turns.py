"""Ways to the same upstream, driven in turn within each round, so that drift of the machine meets them all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tests.bench import load
from tests.bench.load import Load
from tests.bench.pinning import cpu_seconds


@dataclass(frozen=True)
class Way:
    """Where to call, and what stands between."""

    address: str
    """What goes before a path."""
    pid: int | None = None
    """The process that is measured, with its children; None: nothing stands between."""


@dataclass(frozen=True)
class Case:
    """What is called: the path, and the load tool's script."""

    path: str
    lua: Path


Runs = dict[str, list[Load]]
"""Way → a run per round."""


class Turns:
    """Drives ways, and counts what was answered on each."""

    def __init__(self, ways: Mapping[str, Way], *, warm_up_s: int = 1) -> None:
        """`warm_up_s`: how long each way is driven with each case before anything counts."""
        self._ways = ways
        self._warm_up_s = warm_up_s
        self.answered: Counter[str] = Counter()
        """Way → calls, warm-up included."""

    def take(self, cases: Mapping[str, Case], *, connections: int, seconds: int, rounds: int) -> dict[str, Runs]:
        """Case → way → runs; each way is warmed up with each case first.

        Raises:
            LoadFailed: calls failed.
        """
        for case in cases.values():
            for name in self._ways:
                self._run(name, case, connections, self._warm_up_s)
        found: dict[str, Runs] = {title: {name: [] for name in self._ways} for title in cases}
        for _ in range(rounds):
            for title, case in cases.items():
                for name, runs in found[title].items():
                    runs.append(self._run(name, case, connections, seconds))
        return found

    def _run(self, name: str, case: Case, connections: int, seconds: int) -> Load:
        way = self._ways[name]
        before = cpu_seconds(way.pid) if way.pid else 0.0
        ran = load.drive(way.address + case.path, case.lua, connections=connections, seconds=seconds)
        used = cpu_seconds(way.pid) - before if way.pid else 0.0
        self.answered[name] += ran.calls
        return replace(ran, cpu_s=used)


def added_ms(ours: Sequence[Load], direct: Sequence[Load]) -> list[float]:
    """Median latency that a way adds, in milliseconds, round by round."""
    return [(a.median_us - b.median_us) / 1000 for a, b in zip(ours, direct, strict=True)]
