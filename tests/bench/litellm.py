"""Beside LiteLLM's proxy, in an environment of its own: one worker on the measured core, no database, no client keys,
no logging. Both of its ways to Claude are measured: `/v1/messages`, which picks a configured model, and the plain
pass-through `/anthropic/…`. It keeps no record; our gateway does. The upstream is the same.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from plait.cli.program import free_port
from tests.bench import load
from tests.bench.pinning import MEASURED, pinned
from tests.bench.plan import Plan
from tests.bench.relay import CONNECTIONS
from tests.bench.stage import PLAIT, body, stage
from tests.bench.tables import figure, ratios, table
from tests.bench.turns import Case, Runs, Turns, Way

ENVIRONMENT = Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser() / "plait" / "bench" / "litellm"
"""Kept between runs: it has some 750 MB and takes a minute to make."""

ROUTED, PASSED = "LiteLLM /v1/messages", "LiteLLM /anthropic"
_START_S = 90.0
_WARM_UP_S = 5
_SLOW = 3
"""Times longer than the other runs: with 32 calls at once LiteLLM takes a good part of a second for one."""
_AIM = "120, at least 60"


class LiteLLMFailed(Exception):
    """LiteLLM did not start; the message says where its log is."""


def section(plan: Plan) -> list[str]:
    """Rates and the share that LiteLLM's faster way has of ours."""
    _install()
    with stage() as here, _running(here.folder, here.upstream) as theirs:
        ways = {**theirs, PLAIT: here.ways[PLAIT]}
        cases = {"1 KB answer": Case("/v1/messages", load.script(here.folder, body(900)))}
        turns = Turns(ways, warm_up_s=_WARM_UP_S)
        busy = turns.take(cases, connections=CONNECTIONS, seconds=_SLOW * plan.seconds, rounds=plan.rounds)
        alone = turns.take(cases, connections=1, seconds=plan.seconds, rounds=plan.rounds)
    return _report(busy["1 KB answer"], alone["1 KB answer"])


def _report(busy: Runs, alone: Runs) -> list[str]:
    rates = {way: [run.rate for run in runs] for way, runs in busy.items()}
    faster = [max(pair) for pair in zip(rates[ROUTED], rates[PASSED], strict=True)]
    share = figure(ratios(rates[PLAIT], faster), ".0f", bold=True)
    calls = [f"{median(each):,.0f}" for each in rates.values()]
    waits = [f"{median(run.median_us / 1000 for run in runs):.2f}" for runs in alone.values()]
    head = [f"1 KB answer, LiteLLM {_version()}", *rates, "Plait / the faster of LiteLLM's", "aim"]
    rows = [
        [f"calls a second, {CONNECTIONS} connections", *calls, share, _AIM],
        ["median latency, 1 connection, ms", *waits, "", ""],
    ]
    return table(head, rows)


def _install() -> None:
    if not (ENVIRONMENT / "bin" / "litellm").exists():
        print(f"installing LiteLLM into {ENVIRONMENT} ...", file=sys.stderr, flush=True)
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(ENVIRONMENT)], check=True)
        subprocess.run([ENVIRONMENT / "bin" / "pip", "install", "--quiet", "litellm[proxy]"], check=True)


def _version() -> str:
    asked = "import importlib.metadata as m; print(m.version('litellm'))"
    ran = subprocess.run([ENVIRONMENT / "bin" / "python", "-c", asked], capture_output=True, text=True, check=True)
    return ran.stdout.strip()


@contextmanager
def _running(folder: Path, upstream: str) -> Iterator[dict[str, Way]]:
    """LiteLLM's ways to `upstream`."""
    port, config, log = free_port(), folder / "litellm.json", folder / "litellm.log"
    model = {"model": "anthropic/claude-opus-5-5", "api_key": "sk-ant-fake", "api_base": upstream}
    config.write_text(json.dumps({"model_list": [{"model_name": "claude-opus-5-5", "litellm_params": model}]}))
    argv = [str(ENVIRONMENT / "bin" / "litellm"), "--config", str(config), "--host", "127.0.0.1", "--port", str(port)]
    env = os.environ | {
        "ANTHROPIC_API_BASE": upstream, "ANTHROPIC_API_KEY": "sk-ant-fake", "LITELLM_LOG": "ERROR",
        "LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY": "true",
    }  # fmt: skip
    argv += ["--num_workers", "1", "--telemetry", "False"]
    with log.open("wb") as out:
        process = subprocess.Popen(pinned(MEASURED, argv), env=env, cwd=folder, stdout=out, stderr=out)
    try:
        _await(process, port, log)
        address = f"http://127.0.0.1:{port}"
        yield {ROUTED: Way(address, process.pid), PASSED: Way(f"{address}/anthropic", process.pid)}
    finally:
        process.terminate()
        process.wait(30)


def _await(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    until = time.monotonic() + _START_S
    while not _alive(port):
        if process.poll() is not None or time.monotonic() > until:
            raise LiteLLMFailed(f"LiteLLM did not start: {log.read_text(errors='replace')[-600:]}")
        time.sleep(0.5)


def _alive(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health/liveliness", timeout=1) as answer:
            return int(answer.status) == 200
    except OSError:
        return False
