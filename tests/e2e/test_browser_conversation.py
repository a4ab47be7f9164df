"""The page of one conversation in a real browser: its tree by pointer and keys, as list and map, and its text."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final
from uuid import UUID

import asyncpg
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.chromium import chromium, needs_chromium
from tests.dashboard_scene import Talk, Week, seed_week
from tests.dashboard_server import KEY, dashboard, database

TURNS: Final = 300
"""Of the long conversation: tool turns but for the first."""
SCROLLED: Final = "document.querySelector('[data-testid=stMain]').scrollTop"

expect.set_options(timeout=60_000)

pytestmark = needs_chromium


@dataclass(frozen=True)
class Board:
    """Where the dashboard runs and what it shows."""

    address: str
    week: Week
    long: UUID


@pytest.fixture(scope="module")
def board(postgres_server: str, migrated_template: str, servers_home: Path) -> Iterator[Board]:
    weeks: list[Week] = []
    longs: list[UUID] = []

    async def fill(db: asyncpg.Connection) -> None:
        weeks.append(await seed_week(db, others=0))
        longs.append(await seed_long(db))

    log = servers_home / "browser-conversation.log"
    with database(postgres_server, migrated_template, fill) as url, dashboard(url, log) as address:
        yield Board(address, weeks[0], longs[0])


async def seed_long(db: asyncpg.Connection) -> UUID:
    """A prompt and many tool turns."""
    talk = Talk(db, "long.acme.dev", datetime.now(UTC) - timedelta(hours=5), "A long way")
    last = await talk.say("Go through all of it.", tool_call_count=1)
    for n in range(1, TURNS):
        last = await talk.say(f"Read part {n}", last, tool_call_count=1)
    return await talk.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.fixture(scope="module")
def context(browser: Browser, board: Board) -> Iterator[BrowserContext]:
    """A session."""
    own = browser.new_context(viewport={"width": 1280, "height": 900}, timezone_id="Europe/Berlin")
    own.set_default_timeout(60_000)
    page = own.new_page()
    page.goto(f"{board.address}/login")
    page.get_by_label("Dashboard key").fill(KEY)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    page.close()
    yield own
    own.close()


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """A page of that session; what goes wrong on it fails the test."""
    faults: list[str] = []
    own = context.new_page()
    own.on("pageerror", lambda error: faults.append(str(error)))
    yield own
    own.close()
    assert faults == []


def open_tree(page: Page, board: Board, more: str = "") -> None:
    page.goto(f"{board.address}/conversation?id={board.week.spool}{more}")
    expect(page.locator(".tree a, .map canvas").first).to_be_visible()


def test_a_click_on_a_row_leads_to_its_request(page: Page, board: Board) -> None:
    open_tree(page, board)
    page.locator(".tree a", has_text="Rebase on main").click()
    expect(page.get_by_role("heading", level=1, name="Rebase on main")).to_be_visible()
    page.go_back()
    expect(page.locator(".tree a").first).to_be_visible()


def test_pointing_at_a_row_tells_more(page: Page, board: Board) -> None:
    open_tree(page, board)
    page.locator(".tree a", has_text="Why not use the existing").hover()
    tip = page.get_by_role("tooltip")
    expect(tip).to_contain_text("from cache")
    expect(tip).to_contain_text("Branch")
    page.locator(".tree a", has_text="Why not use the existing").focus()
    page.keyboard.press("Escape")
    expect(tip).to_be_hidden()


def test_arrow_keys_walk_the_rows_and_the_branches(page: Page, board: Board) -> None:
    open_tree(page, board)
    page.locator(".tree a").first.focus()
    page.keyboard.press("ArrowDown")
    expect(page.locator(".tree a:focus")).to_contain_text("Read, Grep")
    page.keyboard.press("End")
    expect(page.locator(".tree a:focus")).to_contain_text("Bash")
    page.keyboard.press("ArrowLeft")
    expect(page.locator(".tree a:focus")).to_contain_text("This session is being continued")
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    expect(page.locator(".tree a:focus")).to_contain_text("Read, Grep")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1, name="Read, Grep")).to_be_visible()


def test_only_rows_in_sight_are_in_the_page(page: Page, board: Board) -> None:
    page.goto(f"{board.address}/conversation?id={board.long}&fold=off")
    expect(page.locator(".tree a").first).to_be_visible()
    assert page.locator(".tree li").count() < 80
    expect(page.get_by_text(f"Read part {TURNS - 1}", exact=True)).to_have_count(0)
    page.locator(".tree a").first.focus()
    page.keyboard.press("End")
    expect(page.locator(".tree a:focus")).to_contain_text(f"Read part {TURNS - 1}")
    assert page.evaluate(SCROLLED) > 5000
    assert page.locator(".tree li").count() < 120


def test_a_folded_run_unfolds_with_a_click_and_the_address_says_so(page: Page, board: Board) -> None:
    page.goto(f"{board.address}/conversation?id={board.long}")
    expect(page.locator(".tree a")).to_have_count(3)
    page.locator(".tree a", has_text="298 tool turns").click()
    expect(page.locator(".tree a", has_text="Read part 1").first).to_be_visible()
    assert "open=" in page.url
    page.get_by_role("link", name="Fold 1 opened run again").click()
    expect(page.locator(".tree a")).to_have_count(3)


def test_the_map_is_walked_by_keys_and_opens_what_is_chosen(page: Page, board: Board) -> None:
    open_tree(page, board, "&as=map")
    card = page.locator(".map a")
    card.focus()
    page.keyboard.press("ArrowDown")
    expect(card).to_have_attribute("aria-label", "main: Read, Grep")
    page.keyboard.press("+")
    page.keyboard.press("0")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1, name="Read, Grep")).to_be_visible()


def test_dragging_the_map_opens_nothing(page: Page, board: Board) -> None:
    open_tree(page, board, "&as=map")
    card = page.locator(".map a")
    at = card.bounding_box()
    assert at
    page.mouse.move(at["x"] + 30, at["y"] + 10)
    page.mouse.down()
    page.mouse.move(at["x"] + 230, at["y"] + 90, steps=8)
    page.mouse.up()
    moved = card.bounding_box()
    assert moved
    assert moved["x"] > at["x"] + 150
    assert "/conversation" in page.url


def test_words_are_found_in_folded_parts_of_the_text(page: Page, board: Board) -> None:
    open_tree(page, board)
    page.goto(f"{board.address}/conversation?id={board.week.spool}&view=text")
    field = page.get_by_role("searchbox", name="Find on this page")
    field.fill("torn tail")
    expect(page.locator(".finder output")).to_have_text("2 found")
    field.press("Enter")
    field.press("Enter")
    expect(page.locator(".finder output")).to_have_text("2 of 2")
    expect(page.get_by_text("AssertionError: torn tail").last).to_be_visible()


def test_the_link_to_the_view_is_copied(page: Page, board: Board) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    open_tree(page, board, "&order=newest")
    page.get_by_role("button", name="Copy link").click()
    expect(page.locator("button.done")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == page.url


def test_a_phone_shows_all_of_it_without_scrolling_sideways(page: Page, board: Board) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    for more in ("", "&as=map", "&view=timeline", "&view=text", "&view=usage", "&view=analysis"):
        page.goto(f"{board.address}/conversation?id={board.week.spool}{more}")
        expect(
            page.locator(".tree a, .map canvas, .timeline .card, .passage, .cards.two, .state-line").first
        ).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, more
