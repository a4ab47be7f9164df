"""The dashboard in a real browser: Debian's Chromium, driven by Playwright, over a seeded week."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import asyncpg
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.dashboard_scene import Week, seed_week
from tests.dashboard_server import KEY, dashboard, database

CHROMIUM = shutil.which("chromium")
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
PROBES = re.compile(r"/(conversation|request)/_stcore/(health|host-config)$")
"""What Streamlit's client asks first on a deep link, to find where the application is mounted: 404 is right."""

expect.set_options(timeout=20_000)

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium: install the package to run the browser tests")


@dataclass
class Board:
    """Where the dashboard runs and what it shows."""

    address: str
    week: Week


@dataclass
class Watched:
    """A page, and what went wrong on it."""

    page: Page
    address: str
    faults: list[str] = field(default_factory=list)

    def watch(self) -> None:
        """Note errors, failed requests, and requests to any other host."""
        self.page.on("pageerror", lambda error: self.faults.append(f"error: {error}"))
        self.page.on(
            "console", lambda m: self.faults.append(m.text) if m.type == "error" and "404" not in m.text else None
        )
        self.page.on("response", lambda r: self._judge(r.status, r.url))
        self.page.on("request", lambda r: self._judge(0, r.url))

    def _judge(self, status: int, url: str) -> None:
        if not url.startswith((self.address, "data:", "blob:")):
            self.faults.append(f"off the host: {url}")
        if status >= 400 and not PROBES.search(url):
            self.faults.append(f"{status} {url}")

    def log_in(self, path: str = "/") -> Page:
        """Open a page by its address, through the form."""
        self.page.goto(self.address + path)
        self.page.get_by_label("Dashboard key").fill(KEY)
        self.page.get_by_role("button", name="Log in").click()
        return self.page


@pytest.fixture(scope="module")
def board(postgres_server: str, migrated_template: str, servers_home: Path) -> Iterator[Board]:
    weeks: list[Week] = []

    async def fill(db: asyncpg.Connection) -> None:
        weeks.append(await seed_week(db))

    log = servers_home / "browser-dashboard.log"
    with database(postgres_server, migrated_template, fill) as url, dashboard(url, log) as address:
        yield Board(address, weeks[0])


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield running
        running.close()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    own = browser.new_context(viewport={"width": 1280, "height": 900}, timezone_id="Europe/Berlin")
    own.set_default_timeout(20_000)
    yield own
    own.close()


@pytest.fixture
def watched(context: BrowserContext, board: Board) -> Watched:
    made = Watched(context.new_page(), board.address)
    made.watch()
    return made


def title(page: Page) -> None:
    expect(page.get_by_role("heading", level=1)).to_be_visible()


def test_a_wrong_key_is_told_and_the_right_one_leads_on(context: BrowserContext, board: Board) -> None:
    page = context.new_page()
    page.goto(board.address)
    assert page.url == f"{board.address}/login?next=%2F"
    page.get_by_label("Dashboard key").fill("guess")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("alert")).to_have_text("That is not the dashboard key.")
    page.get_by_label("Dashboard key").fill(KEY)
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name="Fix the flaky spool recovery test")).to_be_visible()
    assert page.url == f"{board.address}/"


def test_the_form_works_without_scripts(browser: Browser, board: Board) -> None:
    bare = browser.new_context(java_script_enabled=False)
    page = bare.new_page()
    page.goto(f"{board.address}/login")
    page.get_by_label("Dashboard key").fill("guess")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_text("That is not the dashboard key.")).to_be_visible()
    bare.close()


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_every_page_is_without_fault_in_both_themes_and_on_a_phone(
    browser: Browser, board: Board, theme: str, width: int
) -> None:
    how = browser.new_context(
        viewport={"width": width, "height": 844}, color_scheme="dark" if theme == "dark" else "light"
    )
    watched = Watched(how.new_page(), board.address)
    watched.watch()
    page = watched.log_in()
    spool, rich, attack = board.week.spool, board.week.rich, board.week.attack
    addresses = ["/", f"/conversation?id={spool}", f"/conversation?id={spool}&view=timeline&side=show&order=newest"]
    addresses += [f"/request?id={rich}{view}" for view in ("", "&view=raw", "&view=headers")]
    addresses += [f"/request?id={attack}", "/request?id=none", "/?q=nothing+like+this"]
    for address in addresses:
        page.goto(board.address + address)
        expect(page.locator(".island").nth(1)).to_be_visible()
        title(page) if "q=" not in address else expect(page.get_by_text("Nothing matches")).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= width, address
        band, first = page.locator(".top").bounding_box(), page.locator("h1, .notice").first.bounding_box()
        assert band is not None
        assert first is not None
        assert first["y"] >= band["y"] + band["height"], address
        ground = page.evaluate("getComputedStyle(document.querySelector('.stApp')).backgroundColor")
        assert (sum(map(int, re.findall(r"\d+", ground)[:3])) < 200) is (theme == "dark")
    assert watched.faults == []
    how.close()


def test_links_lead_on_and_back_leads_back(watched: Watched, board: Board) -> None:
    page = watched.log_in()
    page.get_by_role("link", name="Fix the flaky spool recovery test").click()
    expect(page.get_by_role("heading", name="Fix the flaky spool recovery test")).to_be_visible()
    assert page.url == f"{board.address}/conversation?id={board.week.spool}"
    page.locator(f'a[href="/request?id={board.week.rich}"]').click()
    expect(page.get_by_role("heading", name="Why not use the existing helper")).to_be_visible()
    expect(page).to_have_title("Why not use the existing helper for the checksum? · Plait")
    expect(page.locator(".messages")).to_be_visible()
    page.get_by_role("link", name="Headers", exact=True).click()
    expect(page.get_by_text("masked:9f2c41aa")).to_be_visible()
    for address, there in (
        (f"/request?id={board.week.rich}", ".messages"),
        (f"/conversation?id={board.week.spool}", ".tree"),
        ("/", ".board"),
    ):
        page.go_back()
        expect(page.locator(there)).to_be_visible()
        expect(page).to_have_url(board.address + address)
    page.go_forward()
    expect(page.get_by_role("heading", name="Fix the flaky spool recovery test")).to_be_visible()
    assert watched.faults == []


@pytest.mark.parametrize("attempt", range(4))
def test_going_on_and_back_before_a_page_has_settled_ends_where_one_went(
    watched: Watched, board: Board, attempt: int
) -> None:
    page = watched.log_in(f"/conversation?id={board.week.spool}")
    expect(page.locator(".tree")).to_be_visible()
    depth = page.evaluate("history.length")
    link = page.locator(f'a[href="/request?id={board.week.rich}"]')
    for _ in range(3):
        link.click()
        page.wait_for_timeout(40 * attempt)  # a different moment of the run that is left
        page.evaluate("history.back()")
        page.wait_for_timeout(40 * attempt)
        page.evaluate("history.forward()")
        page.wait_for_url("**/request?id=*")
        page.evaluate("history.back()")
        page.wait_for_url("**/conversation?id=*")
        expect(page.locator(".tree")).to_be_visible()
    expect(page).to_have_url(f"{board.address}/conversation?id={board.week.spool}")
    expect(page).to_have_title(re.compile("Fix the flaky spool recovery test"))
    assert page.evaluate("history.length") == depth + 1
    assert watched.faults == []


def test_a_shared_link_opens_the_same_view_after_login_and_reload_keeps_it(watched: Watched, board: Board) -> None:
    link = f"/conversation?id={board.week.spool}&branch=subtask_1&view=timeline"
    page = watched.log_in(link)
    expect(page.locator(".timeline li")).to_have_count(3)
    assert page.url == board.address + link
    page.reload()
    expect(page.locator(".timeline li")).to_have_count(3)
    assert page.url == board.address + link


def test_filters_and_pages_stand_in_the_address(watched: Watched, board: Board) -> None:
    page = watched.log_in()
    page.get_by_role("link", name="Next page").click()
    expect(page.get_by_text("51–59 of")).to_be_visible()
    search = page.get_by_placeholder("Title, text or id")
    search.fill("flaky")
    search.press("Enter")
    expect(page.locator("a.subject")).to_have_count(1)
    expect(page).to_have_url(f"{board.address}/?q=flaky")
    page.get_by_role("radio", name="24 hours").click()
    expect(page).to_have_url(re.compile("time=24"))
    page.reload()
    expect(page.locator("a.subject")).to_have_count(1)
    assert parse_qs(urlsplit(page.url).query) == {"q": ["flaky"], "time": ["24 hours"]}
    assert watched.faults == []


def test_times_are_the_readers(watched: Watched, board: Board) -> None:
    page = watched.log_in(f"/request?id={board.week.rich}")
    title(page)
    told = page.locator(".badges time")
    assert re.search(r" CES?T$", told.get_attribute("title") or "")


def test_messages_unfold_and_tools_can_be_hidden(watched: Watched, board: Board) -> None:
    page = watched.log_in(f"/request?id={board.week.rich}")
    call = page.locator("details.part.call", has_text="src/spool/writer.py").last
    call.locator("summary").click()
    expect(call.get_by_text("check(head)")).to_be_visible()
    page.get_by_label("Hide tools").check()
    expect(call).to_be_hidden()
    page.get_by_label("Hide tools").uncheck()
    page.get_by_role("button", name="Unfold all").click()
    assert page.locator(".messages details:not([open])").count() == 0
    assert watched.faults == []


@pytest.mark.parametrize("policy", [True, False])
def test_attacks_do_nothing_with_and_without_the_policy(browser: Browser, board: Board, policy: bool) -> None:
    how = browser.new_context(bypass_csp=not policy)
    watched = Watched(how.new_page(), board.address)
    watched.watch()
    for address in (f"/request?id={board.week.attack}", "/"):
        page = watched.log_in(address) if address != "/" else watched.page
        page.goto(board.address + address)
        expect(page.get_by_text("window.hit = 1</script>").first).to_be_visible()
        if address != "/":
            page.get_by_role("button", name="Unfold all").click()
        assert page.evaluate("window.hit") is None
    assert watched.faults == []
    how.close()


def test_log_out_ends_the_page_in_every_tab(context: BrowserContext, watched: Watched, board: Board) -> None:
    first = watched.log_in()
    expect(first.locator("a.subject").first).to_be_visible()
    second = context.new_page()
    with second.expect_websocket() as opened:
        second.goto(board.address)
    expect(second.locator("a.subject").first).to_be_visible()
    with opened.value.expect_event("close"):
        first.get_by_role("link", name="Log out").click()
    expect(first.get_by_label("Dashboard key")).to_be_visible()
    second.reload()
    expect(second.get_by_label("Dashboard key")).to_be_visible()
