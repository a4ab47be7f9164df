"""The dashboard over a made-up history of 90 days in a browser: how long a page's script takes on the server, how long
until the page has settled after a click on the menu and after logging in, and what 50 open pages cost that hear five
events a second. The aims are 150 ms for 95 of 100 runs of a script (at most 300), 0.6 s from page to page (at most
1.0), 3 s from login to table cold and 1.2 s warm (at most 4 and 2), and half a core and 400 MB for 50 pages.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Final
from urllib.request import urlopen

import httpx2
import psutil
from playwright.sync_api import Browser, Page, sync_playwright
from streamlit.proto.BackMsg_pb2 import BackMsg
from websockets.asyncio.client import connect

from plait.cli.program import LOOPBACK, free_port, listening
from tests.bench.history.keeping import history
from tests.bench.instance import PLAIT
from tests.bench.plan import Plan
from tests.bench.reading import p95, tell
from tests.bench.tables import table
from tests.browser.live_api import LiveApi

_KEY: Final = "key-of-the-bench"
_PAGES: Final = ("/", "/requests", "/usage", "/limits", "/analyses", "/system", "/settings", "/search?q=return")
_VISITS: Final = 7
"""Of each page, a round."""
_OPEN: Final = 50
_EVENT_S: Final = 0.2
_WATCHED_S: Final = 20.0
_PATIENCE_S: Final = 60
_SETTLED: Final = """path => location.pathname === path
    && document.querySelector('[data-testid=stApp]').dataset.testScriptState !== 'running'"""
_COUNT: Final = re.compile(r"plait_dashboard_rerun_seconds_(sum|count)\{.*\} (\S+)")


@dataclass
class Found:
    """All times in seconds."""

    size: int
    scripts: dict[str, list[float]] = field(default_factory=dict)
    settled: dict[str, list[float]] = field(default_factory=dict)
    logins: list[float] = field(default_factory=list)
    """The first is cold: nothing was asked of this dashboard before."""
    share: float = 0.0
    """Of one core, with all pages open."""
    megabytes: float = 0.0


@dataclass
class _Running:
    process: psutil.Process
    url: str
    metrics: int

    def reruns(self) -> tuple[float, int]:
        """Seconds that scripts have taken so far, and how many there were."""
        with urlopen(f"http://{LOOPBACK}:{self.metrics}/metrics", timeout=_PATIENCE_S) as answer:
            told = _COUNT.findall(answer.read().decode())
        return sum(float(v) for kind, v in told if kind == "sum"), sum(int(float(v)) for k, v in told if k == "count")


def section(plan: Plan) -> list[str]:
    """What the page of benchmarks says."""
    chromium = shutil.which("chromium")
    return report(measure(plan, chromium)) if chromium else ["Not measured: no chromium."]


def measure(plan: Plan, chromium: str) -> Found:
    """Over the larger history of the plan."""
    size, visits = plan.histories[-1], _VISITS * plan.rounds
    found, api = Found(size), LiveApi()
    with (
        tempfile.TemporaryDirectory(prefix="plait-bench-") as passing,
        api.running(),
        history((plan.kept or Path(passing)) / str(size), size, tell) as url,
    ):
        with _dashboard(url, api.url) as running, sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
            _walk(running, browser, found, visits)
            browser.close()
        with _dashboard(url, api.url) as running:
            found.share, found.megabytes = asyncio.run(_crowd(running, api))
    return found


@contextmanager
def _dashboard(database: str, api: str) -> Iterator[_Running]:
    port, metrics = free_port(), free_port()
    env = {"DATABASE_URL": database, "API_URL": api, "DASHBOARD_API_KEY": _KEY, "LOG_LEVEL": "error"}
    env |= {"PORT": str(port), "METRICS_PORT": str(metrics)}
    command, quiet = [PLAIT, "run", "dashboard"], subprocess.DEVNULL
    process = subprocess.Popen(command, env=os.environ | env, stdout=quiet, stderr=quiet)
    try:
        until = time.monotonic() + _PATIENCE_S
        while not listening(port):
            assert time.monotonic() < until, "the dashboard does not listen"
            time.sleep(0.05)
        yield _Running(psutil.Process(process.pid), f"http://{LOOPBACK}:{port}", metrics)
    finally:
        process.terminate()
        process.wait(_PATIENCE_S)


def _walk(running: _Running, browser: Browser, found: Found, visits: int) -> None:
    for _ in range(3):
        context = browser.new_context(viewport={"width": 1440, "height": 900})
        context.set_default_timeout(1000 * _PATIENCE_S)
        page = context.new_page()
        page.goto(f"{running.url}/login")
        page.locator("#key").fill(_KEY)
        began = time.monotonic()
        page.locator("button").click()
        page.locator("table").first.wait_for()
        found.logins.append(time.monotonic() - began)
        if len(found.logins) == 1:
            for path in _PAGES * (visits + 1):
                _visit(running, page, path, found)
        context.close()
    for times in (*found.scripts.values(), *found.settled.values()):
        del times[0]  # the first visit loads what the others have


def _visit(running: _Running, page: Page, path: str, found: Found) -> None:
    """One click; where it makes the script run more than once, the runs together."""
    seconds, _ = running.reruns()
    began = time.monotonic()
    page.evaluate("path => window.plaitGo(path)", path)
    page.wait_for_timeout(20)
    page.wait_for_function(_SETTLED, arg=path.partition("?")[0])
    found.settled.setdefault(path, []).append(time.monotonic() - began)
    page.wait_for_timeout(100)
    found.scripts.setdefault(path, []).append(running.reruns()[0] - seconds)


async def _crowd(running: _Running, api: LiveApi) -> tuple[float, float]:
    """The share of a core and the megabytes that open pages take while events come."""
    async with asyncio.TaskGroup() as group:
        pages = [group.create_task(_open_page(running.url)) for _ in range(_OPEN)]
        await asyncio.sleep(_WATCHED_S / 2)
        before, began = sum(running.process.cpu_times()[:2]), time.monotonic()
        while time.monotonic() - began < _WATCHED_S:
            api.tell("conversation.updated", domain="a", conversationId="00000000-0000-0000-0000-000000000001")
            await asyncio.sleep(_EVENT_S)
        share = (sum(running.process.cpu_times()[:2]) - before) / (time.monotonic() - began)
        for page in pages:
            page.cancel()
    return share, running.process.memory_info().rss / 1e6


async def _open_page(url: str) -> None:
    """A page as a browser holds it: a socket on which its script has run, and a stream of events."""
    async with httpx2.AsyncClient(base_url=url, timeout=None) as client:
        await client.post("/login", data={"key": _KEY})
        cookie = {"cookie": f"plait_session={client.cookies['plait_session']}"}
        address = url.replace("http", "ws") + "/_stcore/stream"
        async with connect(address, additional_headers=cookie, origin=url, proxy=None, max_size=None) as socket:  # type: ignore[arg-type]
            run = BackMsg()
            run.rerun_script.query_string = ""
            await socket.send(run.SerializeToString())
            async with client.stream("GET", "/api/live", headers=cookie) as events, asyncio.TaskGroup() as group:
                group.create_task(_take(socket))
                group.create_task(_take(events.aiter_raw()))


async def _take(what: object) -> None:
    async for _ in what:  # type: ignore[attr-defined]
        pass


def report(found: Found) -> list[str]:
    """A row a page, then the rest."""
    rows = [
        [
            f"`{path}`",
            f"{1000 * median(times):.0f}, **{1000 * p95(times):.0f}**",
            f"{median(found.settled[path]):.2f}, **{p95(found.settled[path]):.2f}**",
        ]
        for path, times in found.scripts.items()
    ]
    cold, *warm = found.logins
    logins = f"From login to table: cold {cold:.1f} s, warm {median(warm):.1f} s."
    crowd = f"{100 * found.share:.0f} % of a core, {found.megabytes:.0f} MB"
    return [
        *table(["page", "script: median, p95 ms", "settled: median, p95 s"], rows),
        "",
        f"{found.size:,} exchanges. {logins} {_OPEN} open pages and {1 / _EVENT_S:.0f} events a second: {crowd}.",
    ]
