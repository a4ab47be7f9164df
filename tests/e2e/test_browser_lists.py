"""The lists in a real browser: order, pages, filters, search and the choice of two to compare, by links and keys."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import parse_qs, urlsplit

import asyncpg
import pytest
from playwright.sync_api import Browser, Page, expect

from plait.common.postgres import Database
from plait.linker.indexing.task import index_some
from tests.chromium import chromium, needs_chromium
from tests.dashboard_scene import Week, seed_week
from tests.dashboard_server import KEY, dashboard, database

SCROLLED: Final = "document.querySelector('[data-testid=stMain]').scrollTop"
SIDEWAYS: Final = "document.documentElement.scrollWidth - document.documentElement.clientWidth"

CUT_OFF: Final = "all => all.some((one) => one.getBoundingClientRect().right > innerWidth)"

expect.set_options(timeout=60_000)

pytestmark = needs_chromium


@dataclass(frozen=True)
class Board:
    """Where the dashboard runs and what it shows."""

    address: str
    week: Week


@pytest.fixture(scope="module")
def board(postgres_server: str, migrated_template: str, servers_home: Path) -> Iterator[Board]:
    weeks: list[Week] = []

    async def fill(db: asyncpg.Connection) -> None:
        weeks.append(await seed_week(db))
        await db.execute("INSERT INTO search_queue (exchange_id) SELECT id FROM exchange_requests")

    with database(postgres_server, migrated_template, fill) as url:
        with ThreadPoolExecutor(1) as thread:  # in this one Playwright's loop may be running
            thread.submit(asyncio.run, _index(url)).result()
        with dashboard(url, servers_home / "browser-lists.log") as address:
            yield Board(address, weeks[0])


async def _index(url: str) -> None:
    searched = Database(url, name="test", size=2)
    while await index_some(searched):
        pass
    await searched.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.fixture
def page(browser: Browser, board: Board) -> Iterator[Page]:
    """A page with a session; an error on it fails the test."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, timezone_id="Europe/Berlin")
    context.set_default_timeout(60_000)
    errors: list[str] = []
    page = context.new_page()
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(board.address)
    page.get_by_label("Dashboard key").fill(KEY)
    page.get_by_role("button", name="Log in").click()
    yield page
    context.close()
    assert errors == []


def query(page: Page) -> dict[str, list[str]]:
    return parse_qs(urlsplit(page.url).query)


def test_order_and_pages_stand_in_the_address_and_back_leads_back(page: Page, board: Board) -> None:
    page.locator("th a", has_text="Requests").click()
    first = page.locator("a.subject").first
    expect(first).to_have_text("Fix the flaky spool recovery test")
    page.get_by_role("link", name="Next page").click()
    expect(page.get_by_text("51–59 of")).to_be_visible()
    page.wait_for_function(f"{SCROLLED} === 0")
    assert query(page) == {"sort": ["requests"], "page": ["2"]}
    page.go_back()
    expect(page.get_by_text("1–50 of")).to_be_visible()
    page.go_back()
    expect(page).to_have_url(f"{board.address}/")
    expect(page.locator("th[aria-sort] a.by")).to_have_text("Last activity")


def test_controls_stand_in_the_address_and_a_reload_keeps_them(page: Page) -> None:
    words = page.get_by_placeholder("Title, text or id")
    words.fill("flaky")
    words.press("Enter")
    expect(page.locator("a.subject")).to_have_count(1)
    page.get_by_role("radio", name="24 hours").click()
    page.wait_for_url(re.compile("time=24"))
    page.get_by_role("button", name="Filters").click()
    page.get_by_role("combobox", name="Kind").click()
    page.get_by_role("option", name="compactions").click()
    expect(page.locator(".chips.taken")).to_contain_text("Kind: compactions")
    page.reload()
    expect(page.locator("a.subject")).to_have_count(1)
    assert query(page) == {"q": ["flaky"], "time": ["24 hours"], "kind": ["compactions"]}
    page.get_by_role("link", name="Kind: compactions").click()
    expect(page.locator(".chips.taken")).to_have_count(0)
    assert query(page) == {"q": ["flaky"], "time": ["24 hours"]}


def test_two_requests_are_chosen_and_compared(page: Page, board: Board) -> None:
    page.goto(f"{board.address}/requests?domain=payments.acme.dev")
    page.locator("a.pick").nth(1).click()
    expect(page.locator(".choosing")).to_be_visible()
    page.locator("a.pick").nth(2).click()
    expect(page.get_by_role("heading", name="Compare two requests")).to_be_visible()
    expect(page.locator(".compare .card")).to_have_count(2)
    before = query(page)
    page.get_by_role("link", name="The other way round").click()
    page.wait_for_function(f"location.search.startsWith('?a={before['b'][0]}')")
    assert query(page) == {"a": before["b"], "b": before["a"]}


def test_a_row_leads_to_its_request_and_the_link_in_it_to_the_conversation(page: Page, board: Board) -> None:
    page.goto(f"{board.address}/requests?q=checksum")
    page.locator(".under a").click()
    expect(page).to_have_url(f"{board.address}/conversation?id={board.week.spool}")
    page.go_back()
    page.locator("a.subject").click()
    expect(page).to_have_url(f"{board.address}/request?id={board.week.rich}")


def test_a_search_leads_to_the_message(page: Page, board: Board) -> None:
    find = page.get_by_role("searchbox", name="Search in everything")
    find.fill("torn tail")
    find.press("Enter")
    page.locator("a.snippet").click()
    expect(page).to_have_url(f"{board.address}/request?id={board.week.rich}#m5")
    expect(page.locator("#m5")).to_be_in_viewport()
    page.go_back()
    expect(page.locator("mark").first).to_have_text("torn")


def test_lists_fit_on_a_phone(page: Page, board: Board) -> None:
    page.set_viewport_size({"width": 390, "height": 800})
    for path, shown in (("/", ".board"), ("/requests", ".board"), ("/search?q=checksum", ".hits")):
        page.goto(board.address + path)
        expect(page.locator(shown).first).to_be_visible()
        assert page.evaluate(SIDEWAYS) == 0, path
        assert not page.locator(".board td, .hits li").evaluate_all(CUT_OFF), path
