"""Every page: without fault, in both themes, on a phone, for who hears it read, and by keyboard."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import Board, Watched

Theme = Literal["light", "dark"]
SERIOUS = ("serious", "critical")
ADDRESSES = {
    "conversations": "/",
    "nothing found": "/?q=nothing+like+this",
    "tree": "/conversation?id={spool}",
    "timeline": "/conversation?id={spool}&view=timeline",
    "requests": "/requests",
    "request": "/request?id={rich}",
    "headers": "/request?id={rich}&view=headers",
    "attack": "/request?id={attack}",
    "unknown": "/request?id=none",
    "compare": "/compare?a={rich}&b={attack}",
    "usage": "/usage",
    "limits": "/limits",
    "analyses": "/analyses",
    "system": "/system",
    "settings": "/settings",
    "search": "/search?q=checksum",
}


RAN = "() => document.querySelector('[data-testid=stApp]').dataset.testScriptState !== 'running'"


def settled(page: Page) -> None:
    """The script has run, and everything that it made is drawn."""
    expect(page.locator(".island").nth(1)).to_be_visible()
    page.wait_for_function(RAN)
    expect(page.locator("[data-testid=stSkeleton]")).to_have_count(0)


def addresses(board: Board) -> Iterator[tuple[str, str]]:
    week = board.week
    for name, address in ADDRESSES.items():
        yield name, address.format(spool=week.spool, rich=week.rich, attack=week.attack)


def findings(page: Page) -> list[str]:
    """What axe-core finds serious, with where it is."""
    found: list[dict[str, Any]] = Axe().run(page).response["violations"]
    return [
        f"{each['id']}: {each['help']}: {[node['html'][:160] for node in each['nodes'][:3]]}"
        for each in found
        if each["impact"] in SERIOUS
    ]


@pytest.mark.timeout(900)  # sixteen pages, on a busy machine
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_page_is_without_fault_and_can_be_read_by_all(browser: Browser, board: Board, theme: Theme) -> None:
    how = browser.new_context(viewport={"width": 1440, "height": 900}, color_scheme=theme)
    how.set_default_timeout(60_000)
    watched = Watched(how.new_page(), board.address)
    watched.watch()
    page = watched.log_in("/settings")
    wrong: dict[str, list[str]] = {}
    for name, address in addresses(board):
        page.goto(board.address + address)
        settled(page)
        ground = page.evaluate("getComputedStyle(document.querySelector('.stApp')).backgroundColor")
        assert (sum(map(int, re.findall(r"\d+", ground)[:3])) < 200) is (theme == "dark")
        if found := findings(page):
            wrong[name] = found
    assert wrong == {}
    assert watched.faults == []
    how.close()


@pytest.mark.timeout(900)
def test_no_page_is_wider_than_a_phone(browser: Browser, board: Board) -> None:
    how = browser.new_context(viewport={"width": 390, "height": 844}, is_mobile=True, has_touch=True)
    how.set_default_timeout(60_000)
    watched = Watched(how.new_page(), board.address)
    watched.watch()
    page = watched.log_in("/settings")
    for name, address in addresses(board):
        page.goto(board.address + address)
        settled(page)
        main = page.locator("[data-testid=stMain]")
        assert main.evaluate("e => e.scrollWidth <= e.clientWidth"), name
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, name
        band, first = page.locator(".top").bounding_box(), page.locator("h1, .notice").first.bounding_box()
        assert band is not None
        assert first is not None
        assert first["y"] >= band["y"] + band["height"], name
    page.locator(".menu summary").click()
    page.locator(".menu").get_by_role("link", name="Usage").click()
    expect(page.get_by_role("heading", name="Usage", level=1)).to_be_visible()
    assert watched.faults == []
    how.close()


@pytest.mark.parametrize("address", ["/", "/settings", "/conversation?id={spool}"])
def test_the_keyboard_reaches_everything(watched: Watched, board: Board, address: str) -> None:
    page = watched.log_in(address.format(spool=board.week.spool))
    settled(page)
    page.evaluate(MARK)
    page.locator("body").press("Tab")
    for _ in range(400):
        if page.evaluate(NOTE):
            break
        page.keyboard.press("Tab")
    assert page.evaluate("[...window.left].map((e) => e.outerHTML.slice(0, 120))") == []
    assert watched.faults == []


MARK = """() => {
  const all = (root) => [...root.querySelectorAll("*")].flatMap((e) => [e, ...(e.shadowRoot ? all(e.shadowRoot) : [])]);
  window.left = new Set(all(document).filter((e) =>
    e.matches("a[href], button:not([disabled]), input:not([disabled]):not([type=hidden]):not([type=radio]), summary")
    && !e.matches("[role=radio]") && e.tabIndex >= 0 && e.checkVisibility({ visibilityProperty: true })));
}"""
"""Notes everything that can be pressed. Of radio buttons a group has one stop, and arrow keys do the rest."""
NOTE = """() => {
  let at = document.activeElement;
  while (at?.shadowRoot?.activeElement) at = at.shadowRoot.activeElement;
  window.left.delete(at);
  return window.left.size === 0;
}"""
"""Strikes off what has the focus; true when nothing is left."""
