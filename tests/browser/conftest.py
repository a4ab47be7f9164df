"""The dashboard in Debian's Chromium, driven by Playwright, over a seeded week."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from plait.common.access import key_ring
from tests.browser.live_api import LiveApi
from tests.chromium import chromium, needs_chromium
from tests.dashboard_scene import Week, seed_week
from tests.dashboard_server import KEY, dashboard, database

REFUSED = re.compile(r"401 [^ ]+/(_stcore/(health|host-config)|api/(live|session))|.* status of 401 \(Unauthorized\)")
"""What an open page may ask once more when its session has ended, and how the browser tells that it was refused."""
ADMIN_KEY = "admin-key-of-the-tests"
DOMAIN = "payments.acme.dev"

expect.set_options(timeout=60_000)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Without a browser there is nothing to look with."""
    for item in items:
        if "tests/browser" in item.path.as_posix():
            item.add_marker(needs_chromium)


@dataclass
class Board:
    """Where the dashboard runs, what it shows and to whom, and the API that it listens to."""

    address: str
    week: Week
    database_url: str
    keys: Path
    api: LiveApi

    def key_of(self, name: str, domain: str) -> str:
        """A fresh key of one domain."""
        return key_ring.add(self.keys, "viewer", name=name, domains=[domain], expires=None)[1]


@dataclass
class Watched:
    """A page, and what went wrong on it."""

    page: Page
    address: str
    faults: list[str] = field(default_factory=list)

    def watch(self) -> None:
        """Note errors, failed requests, and requests to any other host."""
        self.page.on("pageerror", lambda error: self.faults.append(f"error: {error}"))
        self.page.on("console", lambda m: self.faults.append(m.text) if m.type == "error" else None)
        self.page.on("response", lambda r: self._judge(r.status, r.url))
        self.page.on("request", lambda r: self._judge(0, r.url))

    def _judge(self, status: int, url: str) -> None:
        if not url.startswith((self.address, "data:", "blob:")):
            self.faults.append(f"off the host: {url}")
        if status >= 400:
            self.faults.append(f"{status} {url}")

    def unasked(self) -> list[str]:
        """The faults that are not refusals of what a page asks whose session has ended."""
        return [fault for fault in self.faults if not REFUSED.fullmatch(fault)]

    def log_in(self, path: str = "/", key: str = KEY) -> Page:
        """Open a page by its address, through the form."""
        self.page.goto(self.address + path)
        self.page.get_by_label("Dashboard key").fill(key)
        self.page.get_by_role("button", name="Log in").click()
        return self.page


@pytest.fixture(scope="session")
def board(postgres_server: str, migrated_template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Board]:
    weeks: list[Week] = []

    async def fill(db: asyncpg.Connection) -> None:
        weeks.append(await seed_week(db))

    folder = tmp_path_factory.mktemp("board")
    keys, api = folder / "keys.json", LiveApi()
    settings = {"KEYS_FILE": str(keys), "ADMIN_API_KEY": ADMIN_KEY, "API_URL": api.url}
    with (
        api.running(),
        database(postgres_server, migrated_template, fill) as url,
        dashboard(url, folder / "dashboard.log", **settings) as address,
    ):
        yield Board(address, weeks[0], url, keys, api)


@pytest.fixture(scope="module")
def browser(board: Board) -> Iterator[Browser]:
    """After the board, and for no longer than a module: its loop runs in this thread, and no other can beside it."""
    with chromium() as running:
        yield running


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    own = browser.new_context(viewport={"width": 1280, "height": 900}, timezone_id="Europe/Berlin")
    own.set_default_timeout(60_000)
    yield own
    own.close()


@pytest.fixture
def watched(context: BrowserContext, board: Board) -> Watched:
    made = Watched(context.new_page(), board.address)
    made.watch()
    return made
