"""Calls a second at 32 connections, added median latency at one; direct, nginx and our gateway in turn.

Capture is on: every exchange goes to the spool. Nothing ships it meanwhile, as in a deployment where the shipper has
a core of its own. Neither nginx nor the gateway writes an access log. Afterwards the spool's whole records are counted
against the answers that the load tool has counted, and the gateway is killed under load.
"""

from __future__ import annotations

from tests.bench import comparing, kills, load
from tests.bench.gateway import Ledger
from tests.bench.plan import Plan
from tests.bench.stage import LEAST_BYTES, Stage, body, stage
from tests.bench.turns import Case, Runs, Turns

PATHS = {"1 KB answer": "/v1/messages", "50 events in one write": "/v1/stream"}
EVENTS = "50 events, each written by itself"
CONNECTIONS = 32
_RATE_AIMS = {"1 KB answer": "0.50, at least 0.35", EVENTS: "0.90, at least 0.70", "50 events in one write": ""}
_LATENCY_AIMS = dict.fromkeys([*PATHS, EVENTS], "+0.05, at most +0.15")


def section(plan: Plan) -> list[str]:
    """Rates, latencies, and whether anything answered was lost."""
    with stage(without_lane=True) as here:
        lua = load.script(here.folder, body(900))
        busy, alone, turns = _drive(plan, here, {title: Case(path, lua) for title, path in PATHS.items()})
        whole = {name: len(Ledger(one.spool, least_bytes=LEAST_BYTES).read()) for name, one in here.gateways.items()}
    with stage(without_lane=True, events=True) as here:
        more, slow, _ = _drive(plan, here, {EVENTS: Case("/v1/messages", load.script(here.folder, body(900)))})
        busy, alone = busy | more, alone | slow
    kept = [_kept(f"{name}, all of the above", turns.answered[name], whole[name]) for name in whole]
    killed = {case: [kills.measure(PATHS[case]) for _ in range(plan.rounds)] for case in PATHS}
    return [
        *comparing.rates(busy, f"calls a second, {CONNECTIONS} connections", aims=_RATE_AIMS), "",
        *comparing.latencies(alone, "added median latency, 1 connection, ms", aims=_LATENCY_AIMS), "",
        "A whole record has its request, and an answer with all its bytes that ended well. Of the killed gateway each",
        "answer's exchange is sought by its id. In the runs above, whole records are only counted, and those that the",
        "load tool left at the end of a run are among them.", "",
        *kills.report(killed, kept=kept),
    ]  # fmt: skip


def _drive(plan: Plan, here: Stage, cases: dict[str, Case]) -> tuple[dict[str, Runs], dict[str, Runs], Turns]:
    """Runs with many connections and with one, and who drove them."""
    turns = Turns(here.ways)
    busy = turns.take(cases, connections=CONNECTIONS, seconds=plan.seconds, rounds=plan.rounds)
    return busy, turns.take(cases, connections=1, seconds=plan.seconds, rounds=plan.rounds), turns


def _kept(name: str, answered: int, whole: int) -> list[str]:
    return [name, f"{answered:,}", f"{whole:,}", f"{max(answered - whole, 0):,}"]
