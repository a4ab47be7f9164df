"""The door in a browser: in, out, and what one's key shows."""

from __future__ import annotations

import re

from playwright.sync_api import Browser, BrowserContext, expect

from plait.common.access import key_ring
from tests.browser.conftest import ADMIN_KEY, DOMAIN, Board, Watched
from tests.dashboard_server import KEY

LISTENING = re.compile(r"/api/live\?")
"""An open page hears here that its session has ended."""


def test_a_wrong_key_is_told_and_the_right_one_leads_on(context: BrowserContext, board: Board) -> None:
    page = context.new_page()
    page.goto(board.address)
    assert page.url == f"{board.address}/login?next=%2F"
    page.get_by_label("Dashboard key").fill("guess")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("alert")).to_have_text("This key opens nothing here.")
    page.get_by_label("Dashboard key").fill(KEY)
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name="Fix the flaky spool recovery test")).to_be_visible()
    assert page.url == f"{board.address}/"


def test_the_form_works_without_scripts(browser: Browser, board: Board) -> None:
    bare = browser.new_context(java_script_enabled=False)
    bare.set_default_timeout(60_000)
    page = bare.new_page()
    page.goto(f"{board.address}/login")
    page.get_by_label("Dashboard key").fill("guess")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_text("This key opens nothing here.")).to_be_visible()
    bare.close()


def test_the_menu_says_who_one_is(watched: Watched) -> None:
    page = watched.log_in("/settings", ADMIN_KEY)
    page.locator(".menu summary").click()
    expect(page.get_by_text("Administrator · all domains")).to_be_visible()
    assert watched.faults == []


def test_log_out_ends_the_page_in_every_tab(context: BrowserContext, watched: Watched, board: Board) -> None:
    first = watched.log_in("/settings")
    expect(first.get_by_role("heading", name="Settings", level=1)).to_be_visible()
    second = context.new_page()
    with second.expect_response(LISTENING):
        second.goto(f"{board.address}/system")
    expect(second.get_by_role("heading", name="System", level=1)).to_be_visible()
    first.locator(".menu summary").click()
    first.get_by_role("link", name="Log out").click()
    expect(first.get_by_label("Dashboard key")).to_be_visible()
    second.bring_to_front()
    expect(second.get_by_label("Dashboard key")).to_be_visible()
    assert second.url == f"{board.address}/login?next=%2Fsystem"


def test_a_page_that_cannot_listen_goes_to_the_log_in_when_its_connection_ends(
    context: BrowserContext, watched: Watched, board: Board
) -> None:
    first, second = watched.log_in("/settings"), context.new_page()
    for unheard in ("**/api/live*", "**/api/session"):
        second.route(unheard, lambda route: route.abort())
    second.goto(f"{board.address}/settings")
    expect(second.get_by_role("heading", name="Settings", level=1)).to_be_visible()
    first.goto(f"{board.address}/logout")
    second.bring_to_front()
    expect(second.get_by_label("Dashboard key")).to_be_visible()
    assert second.url == f"{board.address}/login?next=%2Fsettings"


def test_a_key_of_one_domain_shows_that_domain_alone_until_it_is_disabled(watched: Watched, board: Board) -> None:
    page = watched.log_in("/", board.key_of("limited", DOMAIN))
    expect(page.get_by_role("link", name="Fix the flaky spool recovery test")).to_be_visible()
    expect(page.get_by_text("search.acme.dev")).to_have_count(0)
    with page.expect_response(LISTENING):
        page.goto(f"{board.address}/request?id={board.week.attack}")
    expect(page.get_by_text("There is no such request")).to_be_visible()
    assert watched.faults == []
    key_ring.disable(board.keys, "limited")
    expect(page.get_by_label("Dashboard key")).to_be_visible()
    expect(page.get_by_role("status")).to_contain_text("opens nothing any more")
    assert watched.unasked() == []
