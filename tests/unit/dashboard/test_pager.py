"""Pages of a list by their numbers, and the addresses of filters."""

from __future__ import annotations

from datetime import UTC, date, datetime
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plait.common.queries.paging import Cursor
from plait.dashboard.islands.pager import numbers
from plait.dashboard.views.filters import Filters
from plait.dashboard.views.paging import DEEPEST, Place, Shown, pager
from tests.unit.dashboard.exchanges import START, number

BERLIN = ZoneInfo("Europe/Berlin")
PLAIN = Filters("/requests", BERLIN)


@pytest.mark.parametrize(
    ("page", "last", "named"),
    [
        (1, 1, [1]),
        (1, 3, [1, 2, 3]),
        (1, 9, [1, 2, None, 9]),
        (4, 9, [1, 2, 3, 4, 5, None, 9]),
        (5, 9, [1, None, 4, 5, 6, None, 9]),
        (9, 9, [1, None, 8, 9]),
        (99, 9, [1, None, 9]),
    ],
)
def test_the_ends_and_the_neighbours_are_named(page: int, last: int, named: list[int | None]) -> None:
    assert numbers(page, last) == named


@given(st.integers(1, 500), st.integers(1, 500))
def test_named_pages_rise_and_gaps_hide_two_or_more(page: int, last: int) -> None:
    named = numbers(page, last)
    assert len(named) <= 9
    known = [one for one in named if one is not None]
    assert known == sorted(set(known))
    assert (known[0], known[-1]) == (1, last)
    for one, gap, other in zip(named, named[1:], named[2:], strict=False):
        assert gap is not None or (one is not None and other is not None and other - one > 2)


def test_an_address_holds_what_is_not_as_usual() -> None:
    assert PLAIN.address() == "/requests"
    narrowed = Filters("/", BERLIN, "a & b", domain="x.test", span="All", extra={"rows": "25"})
    assert narrowed.address() == "/?q=a+%26+b&domain=x.test&time=All&rows=25"
    assert narrowed.address(page="3", domain="") == "/?q=a+%26+b&time=All&rows=25&page=3"
    assert Filters("/search", BERLIN, span="All", usual="All").address() == "/search"


@given(st.text(min_size=1), st.text(min_size=1))
def test_any_value_comes_back_from_the_address(words: str, domain: str) -> None:
    query = parse_qs(urlsplit(Filters("/", BERLIN, words, domain=domain).address()).query, keep_blank_values=True)
    assert query == {"q": [words], "domain": [domain]}


def test_days_are_the_readers_and_the_last_counts_whole() -> None:
    days = Filters("/", BERLIN, first_day=date(2026, 10, 24), last_day=date(2026, 10, 25))
    assert days.since == datetime(2026, 10, 23, 22, tzinfo=UTC)
    assert days.until == datetime(2026, 10, 25, 23, tzinfo=UTC)  # the day on which the clocks go back has 25 hours
    assert days.address() == "/?since=2026-10-24&until=2026-10-25"
    assert days.when == "from 2026-10-24 to 2026-10-25"
    assert Filters("/", BERLIN, last_day=date(2026, 10, 25)).since is None


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("", (None, None, False)),
        ("529", (529, None, False)),
        ("failed", (None, "failed", False)),
        ("running", (None, None, True)),
    ],
)
def test_outcomes_and_statuses(status: str, expected: tuple[int | None, str | None, bool]) -> None:
    where = Filters("/requests", BERLIN, status=status).exchanges
    assert (where.status, where.outcome, where.running) == expected


def test_sums_know_no_kinds_of_conversations() -> None:
    assert Filters("/", BERLIN, kind="sub-tasks", model="m").usage.kind is None
    assert Filters("/", BERLIN, kind="subagent").usage.kind == "subagent"


CURSOR = Cursor(START, number(1))


def shown(total: int, *, more: bool = True) -> Shown:
    return Shown(50, total, about=False, more=more, cursor=str(CURSOR))


def test_a_page_leads_to_its_neighbours() -> None:
    links = pager(PLAIN, Place(50, 2, None), shown(175))
    assert (links.first, links.last) == (51, 100)
    assert (links.newer, links.older) == ("/requests", "/requests?page=3")
    assert links.numbers[0] == (1, "/requests")
    assert [address for _, address in links.sizes] == ["/requests?rows=25", "/requests", "/requests?rows=100"]


def test_behind_the_last_numbered_page_a_cursor_leads_on() -> None:
    deepest = DEEPEST // 50
    links = pager(PLAIN, Place(50, deepest, None), shown(1_000_000))
    assert links.older == PLAIN.address(after=str(CURSOR))
    assert links.numbers[-1][0] == deepest
    behind = pager(PLAIN, Place(50, 1, CURSOR), shown(1_000_000))
    assert behind.deep
    assert (behind.newer, behind.older) == ("/requests", PLAIN.address(after=str(CURSOR)))
    assert pager(PLAIN, Place(50, 1, CURSOR), shown(60, more=False)).older is None
