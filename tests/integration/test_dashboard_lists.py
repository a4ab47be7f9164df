"""The lists as scripts: order, filters, pages, what is chosen to be compared, and what a search leads to."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from html import unescape

import asyncpg
import pytest
from streamlit.testing.v1 import AppTest

from plait.common.access.grants import Grant
from plait.common.postgres import Database
from plait.dashboard.views import paging
from plait.dashboard.visitor import Visitor
from plait.linker.indexing.task import index_some
from tests.dashboard_reading import drawn, reading_from
from tests.dashboard_reading import view as first_view
from tests.dashboard_scene import HAIKU, Week, seed_week
from tests.servers import alone, fresh_database

_QUEUE = "INSERT INTO search_queue (exchange_id) SELECT id FROM exchange_requests"


@pytest.fixture(scope="module")
def seeded(postgres_server: str, migrated_template: str) -> Iterator[tuple[Week, str]]:
    with fresh_database(postgres_server, migrated_template) as url:
        yield alone(_seed(url)), url


async def _seed(url: str) -> Week:
    connection = await asyncpg.connect(url)
    week = await seed_week(connection, others=30)
    await connection.execute(_QUEUE)
    await connection.close()
    database = Database(url, name="test", size=2)
    while await index_some(database):
        pass
    await database.close()
    return week


@pytest.fixture
def week(seeded: tuple[Week, str]) -> Iterator[Week]:
    with reading_from(seeded[1]):
        yield seeded[0]


def conversations() -> None:
    from plait.dashboard.views import conversations

    conversations.show()


def requests() -> None:
    from plait.dashboard.views import requests

    requests.show()


def compare() -> None:
    from plait.dashboard.views import compare

    compare.show()


def search() -> None:
    from plait.dashboard.views import search

    search.show()


def view(page: Callable[[], None], /, **parameters: object) -> AppTest:
    """A page after its first run."""
    return first_view(page, 60, **parameters)


def links(html: str, pattern: str) -> list[str]:
    """Addresses that lead somewhere, as a browser reads them."""
    return [address for address in map(unescape, re.findall('href="([^"]*)"', html)) if re.search(pattern, address)]


def subjects(html: str) -> list[str]:
    return re.findall('class="subject" href="[^"]*">([^<]*)<', html)


def test_any_column_can_order_the_list(week: Week) -> None:
    html = drawn(view(conversations, sort="requests", domain="payments.acme.dev"))
    assert subjects(html)[0] == "Fix the flaky spool recovery test"
    assert 'aria-sort="descending"><a href="/?domain=payments.acme.dev&amp;sort=requests&amp;order=rising"' in html
    rising = drawn(view(conversations, sort="requests", order="rising", domain="payments.acme.dev"))
    assert subjects(rising)[-1] == "Fix the flaky spool recovery test"
    assert links(rising, "sort=requests$") == ["/?domain=payments.acme.dev&sort=requests"]


def test_the_latest_comes_first_and_an_unknown_order_is_the_usual_one(week: Week) -> None:
    usual, unknown = (subjects(drawn(view(conversations, **more))) for more in ({}, {"sort": "<b>", "order": "x"}))
    assert usual == unknown
    assert usual[0] == "Fix the flaky spool recovery test"
    assert "&lt;script&gt;window.hit = 1&lt;/script&gt; in a title" in usual[:3]


def test_kinds_and_models_narrow_and_can_be_taken_off(week: Week) -> None:
    html = drawn(view(conversations, kind="compactions", rows=25))
    assert subjects(html) == ["Fix the flaky spool recovery test"]
    assert '<a href="/?rows=25" title="Take this off">Kind: compactions' in html
    assert "are those of all conversations in the last 7 days" in html
    some = drawn(view(conversations, model=HAIKU, rows=25))
    assert 1 < len(subjects(some)) < 25


def test_the_id_of_a_request_finds_its_conversation(week: Week) -> None:
    assert subjects(drawn(view(conversations, q=week.rich))) == ["Fix the flaky spool recovery test"]


def test_what_was_said_finds_the_conversation(week: Week) -> None:
    assert subjects(drawn(view(conversations, q="AssertionError: torn"))) == ["Fix the flaky spool recovery test"]


def test_running_conversations_say_so(week: Week) -> None:
    html = drawn(view(conversations, q="flaky"))
    assert '<span class="state busy">running</span>' in html
    assert "running</span>" not in drawn(view(conversations, q="autocomplete"))


def test_deep_pages_go_on_by_cursor(week: Week, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paging, "DEEPEST", 25)
    first = drawn(view(conversations, rows=25))
    (older,) = links(first, "after=")
    second = drawn(view(conversations, rows=25, after=older.rpartition("after=")[2]))
    assert (len(subjects(first)), len(subjects(second))) == (25, 7)
    assert not set(links(first, "/conversation")) & set(links(second, "/conversation"))
    assert "7 further down, of 32" in second
    assert '<a data-top class="button" href="/?rows=25" rel="prev" aria-label="First page">' in second
    assert drawn(view(conversations, rows=25, after="nonsense")).count("1–25 of 32") == 1


def test_a_page_behind_the_last_says_so(week: Week) -> None:
    assert "The list ends before this page" in drawn(view(conversations, page=9))
    assert "The list ends before this page" in drawn(view(requests, page=90, rows=100))


def test_a_visitor_of_one_domain_sees_no_other(seeded: tuple[Week, str]) -> None:
    only = Visitor(Grant("search team", "viewer", frozenset({"search.acme.dev"})))
    with reading_from(seeded[1], only):
        test = view(conversations)
        assert test.selectbox(key="domain").options == ["All domains", "search.acme.dev"]
        assert "payments.acme.dev" not in drawn(test)
        assert "payments.acme.dev" not in drawn(view(requests, rows=100))
        assert f"{seeded[0].rich}" not in drawn(view(search, q="checksum"))
        assert "There is no such request" in drawn(view(compare, a=seeded[0].rich, b=seeded[0].failed))


def test_requests_tell_their_outcome_and_their_conversation(week: Week) -> None:
    html = drawn(view(requests, rows=100, domain="payments.acme.dev"))
    assert subjects(html)[0] == "Bash"
    assert '<span class="state busy">running</span>' in html
    assert ">failed 529</span>" in html
    assert f'href="/conversation?id={week.spool}&amp;branch=subtask_2"' in html
    assert "Fix the flaky spool recovery test</a>" in html


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({"status": "failed"}, 1),
        ({"status": "running"}, 1),
        ({"kind": "compaction"}, 1),
        ({"q": "Rebase on main"}, 1),
        ({"since": "2020-01-01", "until": "2020-01-02"}, 0),
    ],
)
def test_requests_are_narrowed(week: Week, filters: dict[str, str], found: int) -> None:
    html = drawn(view(requests, **filters))
    assert len(subjects(html)) == found
    assert ("Nothing matches" in html) is not bool(found)


def test_an_outcome_that_is_none_narrows_nothing(week: Week) -> None:
    assert len(subjects(drawn(view(requests, status="12x", rows=100)))) == 100


def test_two_requests_are_chosen_by_links(week: Week) -> None:
    html = drawn(view(requests, q="checksum"))
    (choose,) = links(html, "compare=")
    assert choose == f"/requests?q=checksum&compare={week.rich}"
    chosen = drawn(view(requests, compare=week.rich))
    assert f"/compare?a={week.rich}&b={week.failed}" in links(chosen, "^/compare")
    assert "choose the other one below" in chosen
    assert links(chosen, "^/requests$") == ["/requests"] * (chosen.count('href="/requests"'))
    assert "choose the other one below" not in drawn(view(requests, compare="<script>"))


def test_controls_go_back_to_the_first_page(week: Week) -> None:
    test = view(requests, page=2, rows=25)
    test.selectbox(key="status").set_value("complete").run()
    assert "page" not in test.query_params
    assert "1–25 of" in drawn(test)


def test_two_requests_beside_each_other(week: Week) -> None:
    html = drawn(view(compare, a=week.attack, b=week.rich))
    assert "<dt>Messages alike</dt><dd>0</dd>" in html
    assert f'href="/request?id={week.rich}#m1"' in html
    assert "+&lt;script&gt;" not in html
    assert "-&lt;script&gt;window.hit = 1&lt;/script&gt;" in html
    assert "<script" not in html
    assert "They ask the very same" in drawn(view(compare, a=week.rich, b=week.rich))


@pytest.mark.parametrize("asked", [{}, {"a": "x"}, {"a": "x", "b": "<script>"}])
def test_who_names_no_two_requests_is_helped(week: Week, asked: dict[str, str]) -> None:
    html = drawn(view(compare, **asked))
    assert '<form class="ids" action="/compare" method="get">' in html
    assert ("There is no such request" in html) is bool(asked)
    assert "<script>" not in html


def test_a_search_leads_to_the_message(week: Week) -> None:
    html = drawn(view(search, q="torn tail"))
    assert f'<a class="snippet" href="/request?id={week.rich}#m5">' in html
    assert "<mark>torn</mark> <mark>tail</mark>" in html
    assert "Fix the flaky spool recovery test</a>" in html


def test_what_is_found_of_an_attack_does_nothing(week: Week) -> None:
    html = drawn(view(search, q="window.hit"))
    assert f'href="/request?id={week.attack}#m' in html
    assert "&lt;script&gt;<mark>window.hit</mark>" in html
    assert "<script" not in html


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("", "What are you looking for?"),
        ("-not", "names only what is not to be there"),
        ("...", "names nothing to look for"),
        ("zzzz", "Nothing was said like that"),
    ],
)
def test_searches_without_an_answer_are_told_kindly(week: Week, words: str, says: str) -> None:
    assert says in drawn(view(search, q=words))


def test_an_id_leads_to_what_it_names(week: Week) -> None:
    html = drawn(view(search, q=week.rich))
    assert f'<a class="named" href="/request?id={week.rich}">' in html
    assert f'<a class="named" href="/conversation?id={week.spool}">' in drawn(view(search, q=week.spool))


def test_a_search_is_narrowed_too(week: Week) -> None:
    assert "Nothing was said like that" in drawn(view(search, q="torn tail", domain="search.acme.dev"))
    assert 'class="snippet"' in drawn(view(search, q="torn tail", kind="inference", status="200"))


def test_empty_databases_say_what_to_do(postgres_url: str) -> None:
    with reading_from(postgres_url):
        assert "export ANTHROPIC_BASE_URL=" in drawn(view(requests))
        assert "Nothing was said like that" in drawn(view(search, q="anything"))
