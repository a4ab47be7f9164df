"""Ways to the same upstream, driven in turn within each round, so that drift of the machine meets them all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tests.bench import load
from tests.bench.load import Load
from tests.bench.pinning import cpu_seconds

_WARM_UP_S = 1


@dataclass(frozen=True)
class Way:
    """Where to call, and the process (with its children) that stands between; None: none does."""

    address: str
    pid: int | None = None


Runs = dict[str, list[Load]]
"""Way → a run per round."""


class Turns:
    """Drives ways, and counts what was answered on each."""

    def __init__(self, ways: Mapping[str, Way]) -> None:
        self._ways = ways
        self.answered: Counter[str] = Counter()
        """Way → calls, warm-up included."""

    def take(self, scripts: Mapping[str, Path], *, connections: int, seconds: int, rounds: int) -> dict[str, Runs]:
        """Case → way → runs; each way is warmed up with each case first.

        Raises:
            LoadFailed: calls failed.
        """
        for lua in scripts.values():
            for name in self._ways:
                self._run(name, lua, connections, _WARM_UP_S)
        found: dict[str, Runs] = {case: {name: [] for name in self._ways} for case in scripts}
        for _ in range(rounds):
            for case, lua in scripts.items():
                for name, runs in found[case].items():
                    runs.append(self._run(name, lua, connections, seconds))
        return found

    def _run(self, name: str, lua: Path, connections: int, seconds: int) -> Load:
        way = self._ways[name]
        before = cpu_seconds(way.pid) if way.pid else 0.0
        ran = load.drive(way.address, lua, connections=connections, seconds=seconds)
        used = cpu_seconds(way.pid) - before if way.pid else 0.0
        self.answered[name] += ran.calls
        return replace(ran, cpu_s=used)


def added_ms(ours: Sequence[Load], direct: Sequence[Load]) -> list[float]:
    """Median latency that a way adds, in milliseconds, round by round."""
    return [(a.median_us - b.median_us) / 1000 for a, b in zip(ours, direct, strict=True)]
