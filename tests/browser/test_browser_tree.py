"""The tree of a conversation: rows by click and by keys, as a list and as a map."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.browser.conftest import Board, Watched


def test_rows_lead_to_their_requests_by_click_and_by_keys(watched: Watched, board: Board) -> None:
    page = watched.log_in(f"/conversation?id={board.week.spool}")
    page.locator(".tree a", has_text="Rebase on main").click()
    expect(page.get_by_role("heading", level=1, name="Rebase on main")).to_be_visible()
    page.go_back()
    page.locator(".tree a").first.focus()
    page.keyboard.press("End")
    page.keyboard.press("ArrowLeft")
    expect(page.locator(".tree a:focus")).to_contain_text("This session is being continued")
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1, name="Read, Grep")).to_be_visible()
    assert watched.faults == []


def test_the_map_is_walked_by_keys_and_opens_what_is_chosen(watched: Watched, board: Board) -> None:
    page = watched.log_in(f"/conversation?id={board.week.spool}&as=map")
    card = page.locator(".map a")
    card.focus()
    page.keyboard.press("ArrowDown")
    expect(card).to_have_attribute("aria-label", "main: Read, Grep")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1, name="Read, Grep")).to_be_visible()
    assert watched.faults == []
