"""What happens while a page is open."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from uuid import UUID

import asyncpg
from playwright.sync_api import expect

from tests.browser.conftest import DOMAIN, Board, Watched
from tests.dashboard_scene import Talk


def happen(board: Board, title: str) -> UUID:
    """A conversation is recorded, and the API tells so."""

    async def write() -> UUID:
        connection = await asyncpg.connect(board.database_url)
        talk = Talk(connection, DOMAIN, datetime.now(UTC), title)
        await talk.say(title)
        made = await talk.close()
        await connection.close()
        return made

    with ThreadPoolExecutor(1) as thread:
        conversation = thread.submit(asyncio.run, write()).result()
    board.api.tell("conversation.updated", conversationId=str(conversation), domain=DOMAIN, movedFrom=[])
    return conversation


def test_what_is_new_is_told_and_shown_when_asked(watched: Watched, board: Board) -> None:
    page = watched.log_in()
    expect(page.get_by_text("Live", exact=True)).to_be_visible()
    rows = page.locator("a.subject").count()
    happen(board, "A conversation that came just now")
    mark = page.get_by_role("button", name="1 new or changed conversation: show")
    expect(mark).to_be_visible()
    assert page.locator("a.subject").count() == rows
    expect(page.get_by_role("link", name="A conversation that came just now")).to_have_count(0)
    mark.click()
    expect(page.get_by_role("link", name="A conversation that came just now")).to_be_visible()
    expect(mark).to_be_hidden()
    assert watched.faults == []


def test_a_key_of_another_domain_hears_nothing(watched: Watched, board: Board) -> None:
    page = watched.log_in("/", board.key_of("hears", "search.acme.dev"))
    expect(page.get_by_text("Live", exact=True)).to_be_visible()
    happen(board, "A conversation of others")
    other = happen_elsewhere(board)
    expect(page.get_by_role("button", name="1 new or changed conversation: show")).to_be_visible()
    assert other
    assert watched.faults == []


def happen_elsewhere(board: Board) -> UUID:
    """Something that this key does hear of: when it has come, what came before it would have, too."""
    board.api.tell("conversation.updated", conversationId=str(board.week.spool), domain="search.acme.dev", movedFrom=[])
    return board.week.spool
