"""A long conversation in a browser: how long until its first rows are drawn, and how smoothly it scrolls then.

    python -m tests.bench.long_tree http://127.0.0.1:3001 KEY CONVERSATION

opens it on a running dashboard, folded and not, as a list and as a map. The aims for 5,000 requests are 1.2 s until the
first rows (at most 2), and 45 frames a second.
"""

from __future__ import annotations

import shutil
import sys
import time
from dataclasses import dataclass
from statistics import median
from typing import Final

from playwright.sync_api import Page, sync_playwright

from tests.bench.tables import table

_TIMES: Final = 5
_PATIENCE_MS: Final = 60_000
_SHAPES: Final = {
    "list, tool turns folded": ("fold=on", ".tree a"),
    "list, all rows": ("fold=off", ".tree a"),
    "map, all rows": ("fold=off&as=map", ".map canvas"),
}
_DRAWN: Final = "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
_SCROLL: Final = """() => new Promise(done => {
    const page = document.querySelector('[data-testid=stMain]'), began = performance.now();
    let frames = 0;
    const step = () => {
        frames++;
        page.scrollTop += 90;
        if (performance.now() - began < 3000) requestAnimationFrame(step);
        else done(1000 * frames / (performance.now() - began));
    };
    requestAnimationFrame(step);
})"""
"""Frames a second while the page is scrolled for three seconds, 90 pixels a frame."""


@dataclass(frozen=True)
class Opened:
    """Medians of some visits."""

    shape: str
    seconds: float
    """From the click until the first rows are on the screen."""
    frames: float | None
    """A second, while it is scrolled; None: a map does not scroll."""


def measure(address: str, key: str, conversation: str, chromium: str) -> list[Opened]:
    """Open it some times in each shape."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.set_default_timeout(_PATIENCE_MS)
        page.goto(f"{address}/login")
        page.locator("#key").fill(key)
        page.locator("button").click()
        page.wait_for_function("() => window.plaitGo !== undefined")
        found = [_open(page, conversation, *each) for each in _SHAPES.items()]
        browser.close()
    return found


def report(found: list[Opened]) -> list[str]:
    """A Markdown table."""
    rows = [
        [one.shape, f"{one.seconds:.2f} s", f"{one.frames:.0f} a second" if one.frames is not None else "–"]
        for one in found
    ]
    return table(["shape", "first rows", "frames while scrolling"], rows)


def _open(page: Page, conversation: str, shape: str, how: tuple[str, str]) -> Opened:
    query, sign = how
    visits = [_visit(page, f"/conversation?id={conversation}&{query}", sign) for _ in range(_TIMES)]
    frames = [rate for _, rate in visits if rate is not None]
    return Opened(shape, median(seconds for seconds, _ in visits), median(frames) if frames else None)


def _visit(page: Page, address: str, sign: str) -> tuple[float, float | None]:
    page.evaluate("window.plaitGo('/settings')")
    page.locator("h1", has_text="Settings").wait_for()
    began = time.monotonic()
    page.evaluate("address => window.plaitGo(address)", address)
    page.locator(sign).first.wait_for()
    page.evaluate(_DRAWN)
    took = time.monotonic() - began
    return took, page.evaluate(_SCROLL) if sign == ".tree a" else None


if __name__ == "__main__":
    chromium = shutil.which("chromium")
    if chromium is None or len(sys.argv) != 4:
        sys.exit("Chromium is needed, and three words: the dashboard's address, its key, and a conversation's id.")
    address, key, conversation = sys.argv[1:]
    print("\n".join(report(measure(address, key, conversation, chromium))))
