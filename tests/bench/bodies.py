"""Large request bodies, one call at a time, to an upstream that reads them whole before it answers.

Then many at once, and the gateway is killed in the midst of them.
"""

from __future__ import annotations

from tests.bench import comparing, kills, load
from tests.bench.plan import Plan
from tests.bench.stage import body, stage
from tests.bench.turns import Case, Turns

_SIZES = {"100 KB": 100_000, "1 MB": 1_000_000}
_AIMS = dict.fromkeys(_SIZES, "+0.2, at most +0.5")


def section(plan: Plan) -> list[str]:
    """Added latencies, and whether anything answered was lost."""
    with stage(without_lane=True) as here:
        cases = {title: Case("/v1/large", load.script(here.folder, body(size))) for title, size in _SIZES.items()}
        found = Turns(here.ways).take(cases, connections=1, seconds=plan.seconds, rounds=plan.rounds)
    killed = {title: [kills.measure("/v1/large", size) for _ in range(plan.rounds)] for title, size in _SIZES.items()}
    return [
        *comparing.latencies(found, "added median latency, 1 connection, ms", aims=_AIMS), "",
        *kills.report(killed),
    ]  # fmt: skip
