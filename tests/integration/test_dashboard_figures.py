"""The pages of figures as scripts: every figure is that of the rows, and every view has its address."""

from __future__ import annotations

import asyncio
import csv
import io
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import asyncpg
import pytest

from plait.common.access.grants import Grant
from plait.dashboard.visitor import Visitor
from tests.dashboard_reading import drawn, reading_from, view
from tests.dashboard_server import database as fresh_database
from tests.figures_scene import seed_figures

RAW = """
SELECT
    count(*) AS requests, coalesce(sum(u.cost_usd), 0)::float8 AS cost,
    coalesce(sum(u.input_tokens + u.output_tokens + u.cache_read_tokens + u.cache_creation_tokens), 0)::bigint
        AS tokens,
    count(*) FILTER (WHERE e.outcome IN ('failed', 'interrupted', 'rejected')) AS failed
FROM exchanges e LEFT JOIN usage u ON u.exchange_id = e.id
WHERE ($1::text IS NULL OR e.domain = $1) AND ($2::text IS NULL OR e.tag = $2)
"""


@pytest.fixture(scope="module")
def address(postgres_server: str, migrated_template: str) -> Iterator[str]:
    async def fill(db: asyncpg.Connection) -> None:
        await seed_figures(db, datetime.now(UTC), per_day=8)

    with fresh_database(postgres_server, migrated_template, fill) as url:
        yield url


@pytest.fixture
def seeded(address: str) -> Iterator[str]:
    with reading_from(address):
        yield address


def usage() -> None:
    from plait.dashboard.views import usage

    usage.show()


def limits() -> None:
    from plait.dashboard.views import limits

    limits.show()


def analyses() -> None:
    from plait.dashboard.views import analyses

    analyses.show()


def figure(html: str, name: str) -> str:
    """What stands under a name among the figures: exactly, where a short one hides it."""
    cell = re.search(rf"<dt>{name}</dt><dd>(.*?)</dd>", html)
    assert cell, name
    exact = re.match(r'<span title="([^"]+)">', cell[1])
    return exact[1] if exact else re.split("[<]", cell[1])[0].strip()


def raw(address: str, domain: str | None = None, tag: str | None = None) -> dict[str, Any]:
    async def ask() -> dict[str, Any]:
        connection = await asyncpg.connect(address)
        try:
            row = await connection.fetchrow(RAW, domain, tag)
            assert row
            return dict(row)
        finally:
            await connection.close()

    return asyncio.run(ask())


@pytest.mark.parametrize(("domain", "tag"), [(None, None), ("search.acme.dev", "ci")])
def test_sums_are_those_of_the_rows(seeded: str, domain: str | None, tag: str | None) -> None:
    expected = raw(seeded, domain, tag)
    given = {"domain": domain, "tag": tag, "time": "30 days"}
    html = drawn(view(usage, **{name: value for name, value in given.items() if value}))
    assert figure(html, "Requests") == f"{expected['requests']:,}"
    assert figure(html, "Tokens") == f"{expected['tokens']:,}"
    assert float(figure(html, "Cost").strip("$").replace(",", "")) == pytest.approx(expected["cost"], abs=1e-7)
    assert f"{expected['failed']} failed" in html


@pytest.mark.parametrize("by", ["account", "tag"])
def test_the_table_to_take_away_adds_up_to_the_same_whatever_it_is_split_by(
    seeded: str, by: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[Callable[[], str]] = []
    expected = raw(seeded)
    monkeypatch.setattr("streamlit.download_button", lambda _, make, **_options: taken.append(make))
    drawn(view(usage, by=by, time="30 days"))
    rows = list(csv.DictReader(io.StringIO(taken[0]())))
    assert sum(int(row["requests"]) for row in rows) == expected["requests"]
    assert sum(int(row["total_tokens"]) for row in rows) == expected["tokens"]
    assert sum(float(row["cost_usd"] or 0) for row in rows) == pytest.approx(expected["cost"])


def test_what_is_chosen_stands_in_the_address_and_leads_on(seeded: str) -> None:
    html = drawn(view(usage, by="model", unit="day", measure="cost", tz="America/New_York", time="30 days"))
    assert "Cost each day" in html
    assert 'href="/usage?time=30+days&amp;by=model&amp;measure=cost&amp;tz=America%2FNew_York" aria-current' in html
    assert "No price is known of" in html
    assert "house-model-1" in html
    assert "Times in" in html


def test_what_makes_no_sense_in_the_address_is_the_usual(seeded: str) -> None:
    html = drawn(view(usage, by="<b>", unit="year", tz="../etc/passwd", measure="x", time="7 days"))
    assert "Requests each hour" in html
    assert 'href="/usage?by=account"' in html


def test_a_filter_that_has_no_control_can_be_taken_off(seeded: str) -> None:
    html = drawn(view(usage, tag="ci", time="30 days"))
    assert 'href="/usage?time=30+days"' in html
    assert "tag: ci" in html
    assert "not told apart by kind, key, tag and agent" in html


def test_what_broke_the_cache_is_told_with_its_cost(seeded: str) -> None:
    html = drawn(view(usage, time="30 days"))
    assert "Too long a pause" in html
    assert "Ask for an hour" in html
    assert re.search(r'The dearest: <a href="/request\?id=[0-9a-f-]{36}"', html)


def test_tools_have_calls_and_errors_over_time(seeded: str) -> None:
    html = drawn(view(usage, by="tool", time="30 days"))
    assert "Calls of tools each day" in html
    assert "Bash" in html


def test_a_day_has_the_hours_of_a_day(seeded: str) -> None:
    assert re.search(r"Active hours</dt><dd>\d+ <small>of 24<", drawn(view(usage, time="24 hours")))


def test_nothing_in_a_time_says_so(seeded: str) -> None:
    assert "Nothing was used here" in drawn(view(usage, domain="nobody.test"))


@pytest.mark.parametrize("page", [usage, limits, analyses])
def test_an_empty_database_says_what_to_do(postgres_url: str, page: Callable[[], None]) -> None:
    with reading_from(postgres_url):
        html = drawn(view(page))
    assert 'class="notice"' in html
    assert "ANTHROPIC_BASE_URL" in html or "ANALYSIS_AUTO" in html


def test_the_fullest_account_stands_first_with_what_was_told_of_it(seeded: str) -> None:
    html = drawn(view(limits))
    assert html.index("acc_night") < html.index("acc_team") < html.index("keys.acme.dev")
    assert "96 %" in html
    assert "at this pace" in html
    assert "1.0k" in html
    assert "left" in html


def test_one_account_has_its_windows_its_domains_and_its_warnings(seeded: str) -> None:
    html = drawn(view(limits, account="acc_team"))
    assert '<h2 class="section">acc_team</h2>' in html
    assert "a limit was warned of (3)" in html
    assert "Five-hour windows" in html
    assert "mobile.acme.dev" in html


def test_an_account_that_nobody_knows_has_nothing(seeded: str) -> None:
    html = drawn(view(limits, account="<script>\0"))
    assert '<h2 class="section">&lt;script&gt;</h2>' in html
    assert "Nothing used in seven days" in html


def test_analyses_are_listed_by_state_with_what_they_say(seeded: str) -> None:
    html = drawn(view(analyses, time="All"))
    assert html.count('class="subject"') == 16
    assert "The model did not answer within 120 s." in html
    assert "Review the rate limiter &lt;b&gt;change&lt;/b&gt;" in html
    assert 'href="/analyses?time=All&amp;state=failed">Failed <span>3</span>' in html
    assert "The failing test was not named" in html
    assert drawn(view(analyses, time="All", state="failed")).count('class="subject"') == 3


def test_quality_is_the_mean_of_the_analyses(seeded: str) -> None:
    html = drawn(view(analyses, time="All"))
    scores = [5 + number % 5 for number in range(16) if number % 6 < 3]
    assert figure(html, "Clear prompts") == f"{sum(scores) / len(scores):.1f}"
    assert figure(html, "Analyses with a result") == str(len(scores))


def test_a_visitor_sees_the_figures_of_their_domains_alone(address: str) -> None:
    who = Visitor(Grant("tests", "viewer", frozenset({"search.acme.dev"})))
    with reading_from(address, who):
        html = drawn(view(usage, time="30 days"))
    expected = raw(address, "search.acme.dev")
    assert figure(html, "Requests") == f"{expected['requests']:,}"
    assert "payments.acme.dev" not in html


def test_links_to_names_with_signs_are_written_for_addresses(seeded: str) -> None:
    html = drawn(view(usage, by="model", time="30 days"))
    assert f"model={quote('claude-haiku-5-1-20260801')}" in html
