"""The page of one conversation as a script: what it reads from its address, and what it draws."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import asyncpg
import pytest
from streamlit.testing.v1 import AppTest

from plait.common.access.grants import Grant
from plait.common.queries.conversations import Conversation, get_conversation
from plait.common.queries.exchanges import get_summary
from plait.dashboard import database
from plait.dashboard.visitor import Visitor
from tests.dashboard_reading import reading_from
from tests.dashboard_reading import view as first_view
from tests.dashboard_scene import Week, seed_week
from tests.dashboard_server import database as fresh_database


@pytest.fixture(scope="module")
def week_and_address(postgres_server: str, migrated_template: str) -> Iterator[tuple[Week, str]]:
    kept: list[Week] = []

    async def fill(db: asyncpg.Connection) -> None:
        kept.append(await seed_week(db, others=0))

    with fresh_database(postgres_server, migrated_template, fill) as url:
        yield kept[0], url


@pytest.fixture
def week(week_and_address: tuple[Week, str]) -> Iterator[Week]:
    """The seeded conversations, with the page reading them."""
    with reading_from(week_and_address[1]):
        yield week_and_address[0]


def conversation() -> None:
    from plait.dashboard.views import conversation

    conversation.show()


def view(**parameters: object) -> AppTest:
    """The page after its first run."""
    return first_view(conversation, **parameters)


def given(test: AppTest) -> list[dict[str, Any]]:
    """What each component of the page is given."""
    assert not test.exception
    return [json.loads(element.proto.json) for element in test.get("bidi_component")]


def drawn(test: AppTest) -> str:
    """The HTML of all islands."""
    return "\n".join(each["html"] for each in given(test) if "html" in each)


def tree(test: AppTest) -> dict[str, Any]:
    """The data of the tree."""
    (found,) = [each for each in given(test) if "rows" in each]
    return found


def found(week: Week) -> Conversation:
    known = database.read(get_conversation, week.spool)
    assert known is not None
    return known


def test_the_head_has_figures_and_a_chip_a_branch(week: Week) -> None:
    html = drawn(view(id=week.spool))
    assert "<dd>21 <small" in html
    assert "2 failed" in html
    assert "1 running" in html
    longest = max(e.message_count + (e.outcome == "complete") for e in found(week).requests if e.link_kind)
    assert f"<dt>Messages</dt><dd>{longest}</dd>" in html
    began = found(week).first_message_time
    compaction = f"compaction {began.day} {began:%b} 08:19:31"
    for branch in ("main", "sub-task 1", "sub-task 2", "branch 21 Nov 08:12:51", compaction):
        assert f"</i>{branch} <span>" in html
    assert 'title="branch_20261121081251: ' in html
    assert "of 1,000,000 tokens" in html


def test_a_branch_has_figures_of_its_own_and_says_where_it_left(week: Week) -> None:
    html = drawn(view(id=week.spool, branch="subtask_2"))
    assert "<dd>5 <small" in html
    assert "This sub-task was called by" in html
    parent = next(b.parent_request_id for b in found(week).branches if b.branch_id == "subtask_2")
    assert f'href="/request?id={parent}"' in html


def test_the_tree_has_a_row_an_exchange_and_leads_to_it(week: Week) -> None:
    data = tree(view(id=week.spool))
    assert len(data["rows"]) == 20
    assert f"/request?id={week.failed}" in [row["href"] for row in data["rows"]]
    assert "overloaded_error: Overloaded" in [row.get("error") for row in data["rows"]]
    assert "Name this session" not in [row["text"] for row in data["rows"]]
    assert not data["newest"]


def test_what_the_tree_shows_stands_in_the_address(week: Week) -> None:
    assert len(tree(view(id=week.spool, side="show"))["rows"]) == 21
    assert tree(view(id=week.spool, order="newest"))["newest"]
    assert len(tree(view(id=week.spool, branch="subtask_1"))["rows"]) == 3
    folded = tree(view(id=week.spool, fold="on"))["rows"]
    assert len(folded) < 20
    run = next(row for row in folded if row.get("run"))
    unfolded = tree(view(id=week.spool, fold="on", open=run["href"].split("open=")[1].split("&")[0]))["rows"]
    assert len(unfolded) == len(folded) + run["run"] - 1


def test_list_and_map_are_given_the_same(week: Week) -> None:
    assert tree(view(id=week.spool)) == tree(view(id=week.spool, **{"as": "map"}))


def test_the_time_line_tells_sub_tasks_below_who_called_them(week: Week) -> None:
    html = drawn(view(id=week.spool, view="timeline"))
    assert html.count('<li class="b') == 20 - 8
    assert html.count('<details class="subtask') == 2
    assert "Find every caller of parse_line" in html
    assert "Because `crc_of` reads the whole segment again" in html
    assert "<b>Task</b> <span>Check the callers</span>" in html
    assert "upstream_cut: the stream ended early" in html
    own = drawn(view(id=week.spool, view="timeline", branch="subtask_1"))
    assert own.count('<li class="b') == 3


def test_the_text_reads_a_branch_from_the_root_to_its_end(week: Week) -> None:
    html = drawn(view(id=week.spool, view="text"))
    assert html.count('<section class="message') >= 9
    assert "Because <code>crc_of</code> reads" in html
    assert html.count('href="https://ci.example/run/4711"') == 1
    assert "Read sub-task 1</a>" in html
    task = drawn(view(id=week.spool, view="text", branch="subtask_1"))
    assert 'title="subtask_1">sub-task 1</span> 3 turns' in task


def test_usage_has_curves_of_a_branch_and_tables_of_all(week: Week) -> None:
    test = view(id=week.spool, view="usage")
    html = drawn(test)
    assert len(test.get("vega_lite_chart")) == 2
    assert "<h2>Cost by model</h2>" in html
    assert html.count('<td class="lead" title="claude-') == 3
    assert "Nothing: what could be read from the cache was read" in html


@pytest.mark.parametrize("page", ["2", "0", "-1", "x", "99999999999999"])
def test_a_page_that_is_none_is_the_nearest(week: Week, page: str) -> None:
    assert '<ol class="timeline">' in drawn(view(id=week.spool, view="timeline", page=page))


@pytest.mark.parametrize("name", ["view", "as", "fold", "order", "side", "branch", "open"])
def test_what_the_address_says_wrongly_is_the_usual(week: Week, name: str) -> None:
    assert len(tree(view(id=week.spool, **{name: "<nonsense>"}))["rows"]) == 20


@pytest.mark.parametrize("asked", ["", "no-id", "e41a42dc-0946-421d-b28f-b75dfee8176a", "<script>", "' OR 1=1 --"])
def test_unknown_ids_have_their_own_page(week: Week, asked: str) -> None:
    html = drawn(view(id=asked))
    assert "There is no such conversation" in html
    assert "<script>" not in html


def test_what_was_said_is_never_markup(week: Week) -> None:
    known = database.read(get_summary, week.attack)
    assert known
    for name in ("tree", "timeline", "text"):
        html = drawn(view(id=known.conversation_id, view=name))
        assert "<script" not in html
        assert "&lt;script&gt;window.hit = 1" in html


@pytest.mark.parametrize("name", ["tree", "timeline", "text", "usage", "analysis"])
def test_who_sees_one_domain_sees_its_conversations_whole_and_no_other(
    week_and_address: tuple[Week, str], name: str
) -> None:
    week, address = week_and_address
    with reading_from(address, Visitor(Grant("one", "viewer", frozenset({"payments.acme.dev"})))):
        assert "Fix the flaky spool recovery test</h1>" in drawn(view(id=week.spool, view=name))
    with reading_from(address, Visitor(Grant("other", "viewer", frozenset({"search.acme.dev"})))):
        assert "There is no such conversation" in drawn(view(id=week.spool, view=name))
