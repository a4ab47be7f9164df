"""The read API over a made-up history of 90 days, small and large: each route called again and again, one call after
the other, through the real process. Answers are whole when the time is taken. The aim is at most 50 ms for 95 of 100
calls and at most 150 ms, and three times as long for a hundred times as many exchanges.

Both histories have the same days, domains, accounts and models; but ten thousand exchanges have something on fewer days
and hours of an account than a million, and a rare word less often. Where the answer is longer for that reason, its size
tells by how much.
"""

from __future__ import annotations

import asyncio
import http.client
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Final

import asyncpg

from plait.cli.program import LOOPBACK, free_port, listening
from tests.bench.history import COMMON, RARE
from tests.bench.history.keeping import history
from tests.bench.instance import PLAIT
from tests.bench.tables import table

_KEY: Final = "key-of-the-bench"
_CALLS: Final = 40
_WARM_UP: Final = 5
_PATIENCE_S: Final = 30
_LONG: Final = 2_000
_DOMAIN: Final = "team-01.example.test"
_ACCOUNT: Final = "account-01-0"
ROUTES: Final = (
    "/api/requests",
    "/api/requests?limit=100&offset=5000",
    f"/api/requests?domain={_DOMAIN}",
    "/api/requests?kind=subagent",
    "/api/requests?status=failed",
    "/api/requests?model=house-model-1",
    "/api/conversations",
    f"/api/conversations?accountId={_ACCOUNT}",
    "/api/conversations/{long}",
    "/api/stats",
    f"/api/stats?domain={_DOMAIN}",
    "/api/domains",
    "/api/token-usage/current",
    f"/api/token-usage/current?accountId={_ACCOUNT}",
    "/api/token-usage/daily",
    "/api/token-usage/daily?aggregate=true",
    f"/api/token-usage/daily?accountId={_ACCOUNT}",
    f"/api/token-usage/time-series?accountId={_ACCOUNT}",
    "/api/token-usage/accounts",
    "/api/usage/requests/hourly",
    "/api/usage/tokens/hourly",
    "/api/usage/requests/hourly?days=30",
    *(
        f"/api/usage?group_by={key}"
        for key in ("day", "hour", "model", "domain", "account", "session", "agent", "key", "tag", "tool", "kind")
    ),
    "/api/usage?group_by=day&tz=Asia/Kolkata",
    f"/api/usage?group_by=model&domain={_DOMAIN}&tz=Europe/Berlin",
    f"/api/usage/windows?accountId={_ACCOUNT}",
    "/api/tools",
    "/api/rate-limits",
    f"/api/analytics/token-usage/sliding-window?accountId={_ACCOUNT}",
    "/token-stats",
    f"/api/search?q={COMMON}",
    f"/api/search?q={RARE}",
    f"/api/search?q={COMMON}+-{RARE}&domain={_DOMAIN}",
    f"/api/search?q={COMMON}&kind=compaction",
    f"/api/search?q={COMMON}&conversationId={{long}}",
    "/api/search?q=%22the+return+value%22",
    "/api/search?q=nobodysaidthis",
)


@dataclass(frozen=True)
class Timed:
    """Calls of a route."""

    milliseconds: list[float]
    size: int
    """Bytes of the answer, not compressed."""


Times = dict[str, Timed]
"""By route."""


def measure(sizes: tuple[int, ...], folder: Path | None = None) -> dict[int, Times]:
    """Size of the history → times; histories are kept in `folder`, and found there again."""
    with tempfile.TemporaryDirectory(prefix="plait-bench-") as passing:
        found = {}
        for size in sizes:
            with history((folder or Path(passing)) / str(size), size, tell) as url, _api(url) as port:
                found[size] = _timed(port, asyncio.run(_long_conversation(url)))
        return found


def tell(count: int) -> None:
    """Say how far the making of a history is."""
    print(f"\r{count:,} exchanges made ", end="", file=sys.stderr, flush=True)


@contextmanager
def _api(url: str) -> Iterator[int]:
    """The port of an API on that database."""
    port = free_port()
    env = os.environ | {
        "DATABASE_URL": url, "PORT": str(port), "DASHBOARD_API_KEY": _KEY, "LOG_LEVEL": "error",
        "KAFKA_BOOTSTRAP_SERVERS": f"{LOOPBACK}:{free_port()}",
    }  # fmt: skip
    process = subprocess.Popen([PLAIT, "run", "api"], env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until = time.monotonic() + _PATIENCE_S
        while not listening(port):
            assert time.monotonic() < until, "the API does not listen"
            time.sleep(0.05)
        yield port
    finally:
        process.terminate()
        process.wait(_PATIENCE_S)


async def _long_conversation(url: str) -> str:
    connection = await asyncpg.connect(url)
    found = await connection.fetchval(
        "SELECT id FROM conversations ORDER BY abs(request_count - $1), id LIMIT 1", _LONG
    )
    await connection.close()
    return str(found)


def _timed(port: int, long: str) -> Times:
    connection = http.client.HTTPConnection(LOOPBACK, port)
    found = {}
    for route in ROUTES:
        path = route.format(long=long)
        calls = [_called(connection, path) for _ in range(_WARM_UP + _CALLS)][_WARM_UP:]
        found[route] = Timed([took for took, _ in calls], max(size for _, size in calls))
    connection.close()
    return found


def _called(connection: http.client.HTTPConnection, path: str) -> tuple[float, int]:
    """Milliseconds, and bytes of the answer."""
    began = time.perf_counter()
    connection.request("GET", path, headers={"X-Dashboard-Key": _KEY})
    answer = connection.getresponse()
    body = answer.read()
    took = (time.perf_counter() - began) * 1000
    assert answer.status == http.HTTPStatus.OK, f"{path}: {answer.status} {body[:300]!r}"
    return took, len(body)


def p95(times: list[float]) -> float:
    """95 of 100 calls took at most so long."""
    return sorted(times)[round(0.95 * len(times)) - 1]


def report(found: dict[int, Times]) -> list[str]:
    """A Markdown table, a row a route."""
    small, large = min(found), max(found)
    head = ["route", *(f"{size:,}: median, p95 ms; answer" for size in sorted(found)), "growth of p95, of the answer"]
    rows = [
        [f"`{route}`", *(_cell(found[size][route]) for size in sorted(found)), _growth(first, found[large][route])]
        for route, first in found[small].items()
    ]
    return table(head, rows)


def _cell(timed: Timed) -> str:
    return f"{median(timed.milliseconds):.1f}, **{p95(timed.milliseconds):.1f}**; {timed.size / 1000:,.1f} KB"


def _growth(small: Timed, large: Timed) -> str:
    return f"**{p95(large.milliseconds) / p95(small.milliseconds):.1f}**, {large.size / small.size:.1f}"
