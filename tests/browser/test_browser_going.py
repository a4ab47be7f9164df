"""From page to page: links, Back and forward, reload, a link that was shared."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Board, Watched

TALK = "Fix the flaky spool recovery test"


def test_links_lead_on_and_back_leads_back(watched: Watched, board: Board) -> None:
    page = watched.log_in()
    page.get_by_role("link", name=TALK).first.click()
    expect(page.get_by_role("heading", name=TALK, level=1)).to_be_visible()
    expect(page).to_have_url(f"{board.address}/conversation?id={board.week.spool}")
    page.get_by_role("link", name="Settings").first.click()
    expect(page.get_by_role("heading", name="Settings", level=1)).to_be_visible()
    expect(page).to_have_title("Settings · Plait")
    page.go_back()
    expect(page.get_by_role("heading", name=TALK, level=1)).to_be_visible()
    page.go_back()
    expect(page.get_by_role("heading", name="Conversations", level=1)).to_be_visible()
    expect(page).to_have_url(f"{board.address}/")
    page.go_forward()
    expect(page.get_by_role("heading", name=TALK, level=1)).to_be_visible()
    assert watched.faults == []


@pytest.mark.parametrize("attempt", [0, 2])
def test_going_on_and_back_before_a_page_has_settled_ends_where_one_went(
    watched: Watched, board: Board, attempt: int
) -> None:
    page = watched.log_in("/settings")
    expect(page.get_by_role("heading", name="Settings", level=1)).to_be_visible()
    depth = page.evaluate("history.length")
    link = page.get_by_role("link", name="System").first
    for _ in range(3):
        link.click()
        page.wait_for_timeout(40 * attempt)  # a different moment of the run that is left
        page.evaluate("history.back()")
        page.wait_for_timeout(40 * attempt)
        page.evaluate("history.forward()")
        page.wait_for_url("**/system")
        page.evaluate("history.back()")
        page.wait_for_url("**/settings")
        expect(page.get_by_role("heading", name="Settings", level=1)).to_be_visible()
    expect(page).to_have_url(f"{board.address}/settings")
    expect(page).to_have_title("Settings · Plait")
    assert page.evaluate("history.length") == depth + 1
    assert watched.faults == []


def test_a_shared_link_opens_the_same_view_after_login_and_reload_keeps_it(watched: Watched, board: Board) -> None:
    link = f"/conversation?id={board.week.spool}&branch=subtask_1&view=timeline"
    page = watched.log_in(link)
    chosen = page.locator("[aria-current]", has_text=re.compile("sub-task 1", re.IGNORECASE)).first
    expect(chosen).to_be_visible()
    assert page.url == board.address + link
    page.reload()
    expect(chosen).to_be_visible()
    assert page.url == board.address + link
    assert watched.faults == []


def test_filters_stand_in_the_address_and_a_reload_keeps_them(watched: Watched) -> None:
    page = watched.log_in()
    words = page.get_by_placeholder("Title, text or id")
    words.fill("flaky")
    words.press("Enter")
    expect(page.locator("a.subject")).to_have_count(1)
    page.get_by_role("radio", name="24 hours").click()
    expect(page).to_have_url(re.compile("time=24"))
    page.reload()
    expect(page.locator("a.subject")).to_have_count(1)
    assert parse_qs(urlsplit(page.url).query) == {"q": ["flaky"], "time": ["24 hours"]}
    assert watched.faults == []


def test_the_search_of_the_header_leads_to_the_search_page(watched: Watched, board: Board) -> None:
    page = watched.log_in("/settings")
    field = page.get_by_role("searchbox", name="Search in everything")
    field.fill("flaky & more?")
    field.press("Enter")
    expect(page.get_by_role("heading", name="Search", level=1)).to_be_visible()
    expect(page).to_have_url(f"{board.address}/search?q=flaky+%26+more%3F")
    expect(page.get_by_role("searchbox", name="Search in everything")).to_have_value("flaky & more?")
    page.go_back()
    expect(page.get_by_role("heading", name="Settings", level=1)).to_be_visible()
    assert watched.faults == []
