"""The same with TLS to the upstream: nginx and the gateway verify its certificate, and keep their connections."""

from __future__ import annotations

from tests.bench import comparing, load
from tests.bench.plan import Plan
from tests.bench.relay import CONNECTIONS, PATHS
from tests.bench.stage import body, stage
from tests.bench.turns import Case, Turns

_AIMS = dict.fromkeys(PATHS, "0.60, at least 0.40")


def section(plan: Plan) -> list[str]:
    """Rates."""
    with stage(tls=True) as here:
        lua = load.script(here.folder, body(900))
        cases = {title: Case(path, lua) for title, path in PATHS.items()}
        found = Turns(here.ways).take(cases, connections=CONNECTIONS, seconds=plan.seconds, rounds=plan.rounds)
    return comparing.rates(found, f"calls a second, {CONNECTIONS} connections, TLS", aims=_AIMS)
