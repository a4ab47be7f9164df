"""The pages as scripts: what they read from their address, and what they draw."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator

import asyncpg
import pytest
from streamlit.testing.v1 import AppTest

from plait.common.errors import DependencyDown
from plait.dashboard import database
from plait.dashboard.front.app import SCRIPT
from tests import scene
from tests.dashboard_reading import drawn, reading_from, view
from tests.dashboard_scene import Week, seed_week
from tests.dashboard_server import database as fresh_database


@pytest.fixture(scope="module")
def week_and_address(postgres_server: str, migrated_template: str) -> Iterator[tuple[Week, str]]:
    kept: list[Week] = []

    async def fill(db: asyncpg.Connection) -> None:
        kept.append(await seed_week(db))

    with fresh_database(postgres_server, migrated_template, fill) as url:
        yield kept[0], url


@pytest.fixture
def week(week_and_address: tuple[Week, str]) -> Iterator[Week]:
    """The seeded week, with the pages reading it."""
    with reading_from(week_and_address[1]):
        yield week_and_address[0]


def conversations() -> None:
    from plait.dashboard.views import conversations

    conversations.show()


def conversation() -> None:
    from plait.dashboard.views import conversation

    conversation.show()


def request() -> None:
    from plait.dashboard.views import request

    request.show()


def rows(test: AppTest) -> int:
    return drawn(test).count('class="subject"')


def test_the_list_shows_a_page_of_what_was_active_in_the_last_days(week: Week) -> None:
    html = drawn(view(conversations))
    assert html.count('class="subject"') == 50
    assert "1–50 of" in html
    assert f'href="/conversation?id={week.spool}">Fix the flaky spool recovery test</a>' in html
    assert 'href="/?page=2"' in html
    assert "&lt;script&gt;window.hit = 1&lt;/script&gt; in a title" in html
    assert '<span class="badge bad">2 failed</span>' in html


def test_requests_outside_conversations_are_counted(postgres_url: str) -> None:
    async def fill() -> None:
        connection = await asyncpg.connect(postgres_url)
        await scene.play(connection)
        await connection.close()

    asyncio.run(fill())
    with reading_from(postgres_url):
        html = drawn(view(conversations, time="All"))
    assert "1 outside conversations" in html


def test_the_second_page_goes_on(week: Week) -> None:
    html = drawn(view(conversations, page=2))
    assert "51–59 of" in html
    assert 'href="/"' in html
    assert "Older" not in html


@pytest.mark.parametrize("page", ["0", "-1", "x", "1e9", "99999999999999999999", "²"])
def test_a_page_that_is_none_is_the_first(week: Week, page: str) -> None:
    assert "1–50 of" in drawn(view(conversations, page=page))


def test_search_narrows_the_list_and_goes_back_to_its_first_page(week: Week) -> None:
    test = view(conversations, page=2)
    test.text_input(key="q").set_value("flaky").run()
    assert rows(test) == 1
    assert "page" not in test.query_params


def test_one_domain_and_its_figures(week: Week) -> None:
    test = view(conversations)
    test.selectbox(key="domain").set_value("search.acme.dev").run()
    assert rows(test) > 5
    assert "payments.acme.dev</td>" not in drawn(test)


def test_the_address_fills_the_controls(week: Week) -> None:
    test = view(conversations, q="flaky", domain="payments.acme.dev", time="30 days")
    assert test.text_input(key="q").value == "flaky"
    assert test.selectbox(key="domain").value == "payments.acme.dev"
    assert rows(test) == 1


def test_a_list_that_is_empty_for_its_filters_says_so(week: Week) -> None:
    html = drawn(view(conversations, q="<b>no such thing"))
    assert "Nothing matches" in html
    assert "“&lt;b&gt;no such thing”" in html


def test_an_empty_database_says_what_to_do(postgres_url: str) -> None:
    with reading_from(postgres_url):
        assert "export ANTHROPIC_BASE_URL=" in drawn(view(conversations))


@pytest.mark.parametrize(("page", "what"), [(conversation, "conversation"), (request, "request")])
@pytest.mark.parametrize("asked", ["", "no-id", "e41a42dc-0946-421d-b28f-b75dfee8176a", "<script>", "' OR 1=1 --"])
def test_unknown_ids_have_their_own_page(week: Week, page: Callable[[], None], what: str, asked: str) -> None:
    html = drawn(view(page, id=asked))
    assert f"There is no such {what}" in html
    assert "<script>" not in html


def test_a_database_that_is_away_is_told() -> None:
    with reading_from("postgresql://nobody@127.0.0.1:1/none"):
        html = drawn(AppTest.from_file(str(SCRIPT), default_timeout=120).run())
    assert "The database does not answer" in html


def test_a_fault_is_told_without_its_inside(week: Week, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("the inside")

    monkeypatch.setattr("plait.dashboard.views.conversations.read", fail)
    html = drawn(AppTest.from_file(str(SCRIPT), default_timeout=120).run())
    assert "This page could not be drawn" in html
    assert "the inside" not in html


def test_a_reader_without_a_database_is_told_so() -> None:
    with pytest.raises(DependencyDown, match="No database is attached"):
        database.read(nothing)


async def nothing(_: object) -> None:
    """A query that is never run."""
