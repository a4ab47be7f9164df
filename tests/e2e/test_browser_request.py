"""The page of one request in a real browser: attacks, long requests, and what its buttons do."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import asyncpg
import msgspec
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from plait.common.events import Piece
from plait.common.ids import new_exchange_id
from tests import seeding
from tests.attack_scene import Attacked, seed_attacks
from tests.attack_table import ATTACKS, LONG_LINE
from tests.chromium import chromium, needs_chromium
from tests.dashboard_scene import Week, seed_week
from tests.dashboard_server import KEY, dashboard, database

MANY: Final = int(os.environ.get("PLAIT_LONG_REQUEST", "400"))
"""Messages of the long request; to measure, 2,000."""
SETTLED_S: Final = float(os.environ.get("PLAIT_SETTLED_S", "60"))
"""How long the long request may take to be drawn: generous, for tests run beside others."""

expect.set_options(timeout=60_000)

pytestmark = needs_chromium


@dataclass(frozen=True)
class Board:
    """Where the dashboard runs and what it shows."""

    address: str
    week: Week
    attacked: Attacked
    long: UUID


@pytest.fixture(scope="module")
def board(postgres_server: str, migrated_template: str, servers_home: Path) -> Iterator[Board]:
    made: list[Any] = []

    async def fill(db: asyncpg.Connection) -> None:
        made.extend((await seed_week(db, others=0), await seed_attacks(db), await seed_long(db)))
        words = ("Because ", "it reads ", "all of it.")
        start = {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
        deltas = [
            {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": w}} for w in words
        ]
        pieces = [
            Piece(300.0 * n, b"data: " + msgspec.json.encode(event) + b"\n\n")
            for n, event in enumerate([start, *deltas])
        ]
        await seeding.add_pieces(db, made[0].rich, 0, pieces)

    log = servers_home / "browser-request.log"
    with database(postgres_server, migrated_template, fill) as url, dashboard(url, log) as address:
        yield Board(address, *made)


async def seed_long(db: asyncpg.Connection) -> UUID:
    """A request of MANY messages, as long sessions send them: prose, calls, and results of a screen each."""
    own = new_exchange_id(time.time())
    code = "\n".join(f"{n:>6}\tdef step_{n}(self, record: bytes) -> int:  # {n}" for n in range(30))
    messages: list[dict[str, Any]] = [{"role": "user", "content": "Go through all files."}]
    for n in range(1, MANY // 2):
        path = {"file_path": f"/home/dana/shop/part_{n % 97}.py"}
        call = {"type": "tool_use", "id": f"toolu_{n}", "name": "Read", "input": path}
        text = {
            "type": "text",
            "text": f"Next is part **{n}**: `step_{n}` is called by `run`, see [its notes](https://x.example/{n}).",
        }
        messages.append({"role": "assistant", "content": [text, call]})
        messages.append(
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": f"toolu_{n}", "content": code}]}
        )
    messages.append({"role": "user", "content": "Sum it up."})
    now = datetime.now(UTC) - timedelta(minutes=1)
    await seeding.add_exchange(db, id=own, started_at=now, preview="A long one", message_count=MANY)
    await seeding.add_request_body(db, own, msgspec.json.encode({"model": "claude-opus-5-5", "messages": messages}))
    return own


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.fixture
def context(browser: Browser, board: Board) -> Iterator[BrowserContext]:
    own = opened(browser, board)
    yield own
    own.close()


def opened(browser: Browser, board: Board, **settings: Any) -> BrowserContext:
    """A context of somebody who is logged in."""
    own = browser.new_context(viewport={"width": 1280, "height": 900}, **settings)
    own.set_default_timeout(60_000)
    own.grant_permissions(["clipboard-read", "clipboard-write"])
    own.request.post(f"{board.address}/login", form={"key": KEY}, headers={"Origin": board.address})
    return own


@pytest.mark.parametrize("policy", [True, False], ids=["with the policy", "without"])
def test_attacks_do_nothing_and_are_shown_as_they_were_written(browser: Browser, board: Board, policy: bool) -> None:
    own = opened(browser, board, bypass_csp=not policy)
    page = own.new_page()
    asked: list[str] = []
    page.on("request", lambda r: asked.append(r.url))
    page.on("dialog", lambda d: asked.append(f"dialog: {d.message}"))
    page.on("popup", lambda p: asked.append(f"popup: {p.url}"))
    for view in ("", "stream", "raw", "headers"):
        page.goto(f"{board.address}/request?id={board.attacked.request}&view={view}")
        expect(page.locator(".tabs a[aria-current]")).to_be_visible()
        expect(page.locator(".island").nth(2)).to_be_visible()
        page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true })")
        assert page.evaluate("window.hit") is None, view
        assert (
            page.locator(".island script, .island iframe, .island style, .island object, .island [onerror]").count()
            == 0
        )
    assert [url for url in asked if not url.startswith((board.address, "data:", "blob:"))] == []
    own.close()


def test_an_attack_is_read_as_it_was_written(context: BrowserContext, board: Board) -> None:
    page = opened_at(context, board, board.attacked.request)
    for number, name in enumerate(ATTACKS, start=1):
        if name in {"script", "CSS", "template marks", "fake closing tags"}:
            expect(page.locator(f"#m{number} .prose")).to_have_text(ATTACKS[name])


def opened_at(context: BrowserContext, board: Board, request: UUID, rest: str = "") -> Page:
    """The page of a request."""
    page = context.new_page()
    page.goto(f"{board.address}/request?id={request}{rest}")
    expect(page.locator(".messages, .came, .raw").first).to_be_visible()
    return page


def test_nothing_of_a_message_leaves_it(context: BrowserContext, board: Board) -> None:
    page = opened_at(context, board, board.attacked.request)
    out = page.locator(".message").evaluate_all(
        """(all) => all.flatMap((one) => [...one.querySelectorAll('*')].filter((inner) => {
             const style = getComputedStyle(inner);
             return style.position === 'fixed' || style.position === 'sticky';
           }).map((inner) => inner.outerHTML.slice(0, 200)))"""
    )
    assert out == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 1280


def test_a_million_characters_in_one_line_do_not_hold_up_the_page(context: BrowserContext, board: Board) -> None:
    page = opened_at(context, board, board.attacked.failed)
    more = page.get_by_role("button", name=f"Show all {len(LONG_LINE.strip()):,} characters")
    more.scroll_into_view_if_needed()
    before = time.monotonic()
    more.click()
    expect(more).to_have_count(0)
    runs = page.locator("pre.run")
    expect(runs.first).to_be_visible()
    assert page.evaluate("1 + 1") == 2
    assert time.monotonic() - before < SETTLED_S
    assert sum(map(len, runs.all_text_contents())) == len(LONG_LINE)


def test_a_long_request_is_there_soon(context: BrowserContext, board: Board) -> None:
    page = context.new_page()
    before = time.monotonic()
    page.goto(f"{board.address}/request?id={board.long}")
    expect(page.locator(f"#m{MANY}")).to_be_attached()
    expect(page.get_by_text(f"{MANY} messages")).to_be_visible()
    settled = time.monotonic() - before
    print(f"settled after {settled:.2f} s")
    assert settled < SETTLED_S


def test_a_long_request_is_whole_in_the_end(context: BrowserContext, board: Board) -> None:
    page = opened_at(context, board, board.long)
    page.get_by_role("button", name="Unfold all").click()
    expect(page.locator(".slice")).to_have_count(0)
    numbers = page.locator(".message").evaluate_all("(all) => all.map((one) => one.id)")
    assert numbers == [f"m{n}" for n in range(1, MANY + 1)]
    expect(page.locator(".messages details:not([open])")).to_have_count(0)


def test_what_does_not_come_is_told_and_asked_for_again(context: BrowserContext, board: Board) -> None:
    context.route("**/messages?from=*", lambda route: route.fulfill(status=503))
    page = opened_at(context, board, board.long)
    expect(page.get_by_role("alert")).to_contain_text("Some messages could not be loaded.")
    expect(page.locator(".slice")).not_to_have_count(0)
    context.unroute("**/messages?from=*")
    page.get_by_role("button", name="Try again").click()
    expect(page.locator(".slice")).to_have_count(0)
    expect(page.get_by_role("alert")).to_be_hidden()


def test_the_next_prompt_is_found_wherever_it_is(context: BrowserContext, board: Board) -> None:
    page = opened_at(context, board, board.long)
    onward = page.get_by_role("button", name="Prompt").last
    onward.click()
    onward.dispatch_event("click")
    expect(page.locator(f"#m{MANY}")).to_be_in_viewport()


def test_a_link_leads_to_its_message(context: BrowserContext, board: Board) -> None:
    page = opened_at(context, board, board.long, f"#m{MANY - 50}")
    expect(page.locator(f"#m{MANY - 50}")).to_be_in_viewport()


def test_messages_and_their_links_can_be_copied(context: BrowserContext, board: Board) -> None:
    page = opened_at(context, board, board.week.rich)
    page.get_by_role("button", name="Copy a link to message 3").click()
    expect(page.get_by_role("button", name="Copy a link to message 3")).to_have_class(re.compile("done"))
    assert page.evaluate("navigator.clipboard.readText()") == f"{board.address}/request?id={board.week.rich}#m3"
    page.get_by_role("button", name="Copy message 1", exact=True).click()
    expect(page.get_by_role("button", name="Copy message 1", exact=True)).to_have_class(re.compile("done"))
    assert "Find out **why** and fix it" in page.evaluate("navigator.clipboard.readText()")


def test_a_call_leads_to_its_result(context: BrowserContext, board: Board) -> None:
    page = opened_at(context, board, board.long)
    page.locator("#m2 a.pair").click()
    expect(page.locator("#m3")).to_be_in_viewport()


def test_an_answer_is_replayed_at_its_pace(context: BrowserContext, board: Board) -> None:
    page = opened_at(context, board, board.week.rich, "&view=stream")
    expect(page.locator(".came [data-at]")).to_have_count(3)
    page.get_by_role("button", name="Replay at real speed").click()
    expect(page.locator(".came [data-at]:visible")).to_have_count(0)
    expect(page.locator(".came [data-at]:visible")).to_have_count(3)
    page.get_by_role("button", name="Replay at real speed").click()
    page.get_by_role("button", name="Show all").click()
    expect(page.locator(".came [data-at]:visible")).to_have_count(3)


def test_titles_and_names_of_attackers_do_nothing_on_other_pages(context: BrowserContext, board: Board) -> None:
    page = context.new_page()
    asked: list[str] = []
    page.on("request", lambda r: asked.append(r.url))
    conversation = f"/conversation?id={board.attacked.conversation}"
    for path in ("/", "/requests", conversation, f"{conversation}&view=timeline", "/usage"):
        page.goto(board.address + path)
        expect(page.get_by_text("window.hit").first).to_be_attached()
        assert page.evaluate("window.hit") is None, path
        assert page.locator(".island :is(script, iframe, style, object)").count() == 0, path
    assert [url for url in asked if not url.startswith((board.address, "data:", "blob:"))] == []
