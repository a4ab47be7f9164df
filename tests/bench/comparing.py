"""The two tables that most comparisons end in: rates side by side, and latency that is added."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import median

from tests.bench.load import Load
from tests.bench.stage import DIRECT, NGINX, PLAIT
from tests.bench.tables import figure, ratios, table
from tests.bench.turns import Runs, added_ms


def rates(found: Mapping[str, Runs], title: str, *, aims: Mapping[str, str]) -> list[str]:
    """Calls a second of every way, and our share of nginx's: as driven, and for each second of processor time.

    nginx does not use its core fully before the load tool has used up its own; so the second share is the stricter.
    """
    names = list(next(iter(found.values())))
    head = [title, *names, "Plait / nginx", "the same for a second of processor time", "aim"]
    return table(head, [[case, *map(_rate, runs.values()), *_shares(runs), aims[case]] for case, runs in found.items()])


def _rate(runs: list[Load]) -> str:
    used = f" ({median(run.busy for run in runs):.0%} of its core)" if runs[0].cpu_s else ""
    return f"{median(run.rate for run in runs):,.0f}{used}"


def _shares(runs: Runs) -> list[str]:
    ours, theirs = runs[PLAIT], runs[NGINX]
    driven = ratios((run.rate for run in ours), (run.rate for run in theirs))
    worked = ratios((run.per_core_second for run in ours), (run.per_core_second for run in theirs))
    return [figure(driven, ".2f", bold=True), figure(worked, ".2f")]


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
