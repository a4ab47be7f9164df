"""The two tables that most comparisons end in: rates side by side, and latency that is added."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import median

from tests.bench.load import Load
from tests.bench.stage import DIRECT, NGINX, PLAIT
from tests.bench.tables import figure, ratios, table
from tests.bench.turns import Runs, added_ms

_STRICTER = (
    "Where load tool and upstream use up their core first, nginx leaves some of its own idle: then the share for a\n"
    "second of processor time that each has really used (per core-second) is the stricter one."
)


def rates(found: Mapping[str, Runs], title: str, *, aims: Mapping[str, str]) -> list[str]:
    """Calls a second of every way, and our share of nginx's: as driven, and for each second of processor time."""
    names = list(next(iter(found.values())))
    head = [title, *names, "Plait / nginx", "per core-second", "aim"]
    rows = [[case, *map(_rate, runs.values()), *_shares(runs), aims[case]] for case, runs in found.items()]
    return [*table(head, rows), "", _STRICTER]


def _rate(runs: list[Load]) -> str:
    used = f" ({median(run.busy for run in runs):.0%} of its core)" if runs[0].cpu_s else ""
    return f"{median(run.rate for run in runs):,.0f}{used}"


def _shares(runs: Runs) -> list[str]:
    ours, theirs = runs[PLAIT], runs[NGINX]
    driven = ratios((run.rate for run in ours), (run.rate for run in theirs))
    worked = ratios((run.per_core_second for run in ours), (run.per_core_second for run in theirs))
    return [figure(driven, ".2f", bold=True), figure(worked, ".2f", bold=True)]


def latencies(found: Mapping[str, Runs], title: str, *, aims: Mapping[str, str]) -> list[str]:
    """Milliseconds that every way adds to the median of a direct call, and how much more that is than nginx adds."""
    names = [name for name in next(iter(found.values())) if name != DIRECT]
    rows = []
    for case, runs in found.items():
        added = {name: added_ms(runs[name], runs[DIRECT]) for name in names}
        over = [a - b for a, b in zip(added[PLAIT], added[NGINX], strict=True)]
        cells = [figure(values, ".3f") for values in added.values()]
        rows.append([case, *cells, figure(over, "+.3f", bold=True), aims[case]])
    return table([title, *names, "Plait over nginx", "aim"], rows)
