"""Groups of use: their order, colours and rest, their bars and their days, which add up to the same."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plait.common.queries.series import Apart, Cell, together
from plait.common.queries.usage import Counters
from plait.dashboard.islands.charts import PALETTE, REST
from plait.dashboard.islands.daily import COLUMNS, days_of, table_of
from plait.dashboard.islands.groups import MEASURES, Measure, chart_of, group, mean, measured, value, written
from plait.dashboard.islands.stretches import cut

BERLIN = ZoneInfo("Europe/Berlin")
SINCE = datetime(2026, 10, 24, 22, tzinfo=UTC)
STRETCHES = cut("hour", SINCE, SINCE + timedelta(hours=60), BERLIN)


def cell(number: int, key: str | None, requests: int, tokens: int = 0, cost: float | None = 0.0) -> Cell:
    return Cell(number=number, key=key, requests=requests, output_tokens=tokens, total_tokens=tokens, cost_usd=cost)


cells = st.lists(
    st.builds(
        cell,
        st.integers(0, len(STRETCHES.begins) - 1),
        st.none() | st.sampled_from([f"team-{n}" for n in range(12)]),
        st.integers(1, 50),
        st.integers(0, 10**6),
        st.none() | st.integers(0, 1000).map(lambda cents: cents / 64),
    ),
    max_size=60,
    unique_by=lambda one: (one.number, one.key),
)


@given(cells, st.sampled_from(MEASURES))
def test_nothing_is_lost_between_cells_groups_bars_and_days(found: list[Cell], measure: Measure) -> None:
    whole = sum(measured(one, measure) for one in found)
    grouped = group(found, "domain", measure)
    assert sum(measured(one.used, measure) for one in grouped.groups) == pytest.approx(whole)
    assert sum(measured(one.used, measure) for one in grouped.all) == pytest.approx(whole)
    chart = chart_of(grouped, STRETCHES, measure, noun="requests", description="x")
    heights = [top - foot for top, foot in zip(chart.rows["value"], chart.rows["foot"], strict=True)]
    assert sum(heights) == pytest.approx(whole)
    assert sum(measured(used, measure) for _, used in days_of(found, STRETCHES)) == pytest.approx(whole)
    rows = csv.DictReader(table_of(found, STRETCHES, "domain").splitlines())
    column = {"requests": "requests", "tokens": "total_tokens", "cost": "cost_usd"}[measure]
    assert sum(float(row[column] or 0) for row in rows) == pytest.approx(whole)


@given(cells)
def test_groups_are_in_order_and_at_most_one_is_the_rest(found: list[Cell]) -> None:
    grouped = group(found, "domain", "requests")
    sizes = [one.used.requests for one in grouped.all]
    assert sizes == sorted(sizes, reverse=True)
    assert len(grouped.groups) <= len(PALETTE) + 1
    assert [one.rest for one in grouped.groups] == [
        *[False] * min(len(grouped.all), len(PALETTE)),
        *[True] * (len(grouped.all) > len(PALETTE)),
    ]
    own = [one.colour for one in grouped.all[: len(PALETTE)]]
    assert own == list(PALETTE[: len(own)])
    assert all(one.colour == REST for one in grouped.all[len(PALETTE) :])


def test_days_are_those_of_the_zone_whatever_they_are_made_of() -> None:
    hours = [cell(number, "a", 1) for number in range(len(STRETCHES.begins))]
    assert [(day, used.requests) for day, used in days_of(hours, STRETCHES)] == [
        ("2026-10-27", 11),
        ("2026-10-26", 24),
        ("2026-10-25", 25),
    ]
    weeks = cut("week", SINCE, SINCE + timedelta(days=9), BERLIN)
    assert [day for day, _ in days_of([cell(1, "a", 1)], weeks)] == ["2026-10-26"]


def test_a_table_to_take_away_has_every_figure_and_no_formula() -> None:
    found = [cell(0, "=HYPERLINK(1)", 3, 1200, 0.1), cell(0, None, 1, 5, None), cell(30, 'a "b", c', 2)]
    rows = list(csv.reader(table_of(found, STRETCHES, "tag").splitlines()))
    assert rows[0] == ["date", "tag", *COLUMNS]
    told = {row[1]: dict(zip(rows[0], row, strict=True)) for row in rows[1:]}
    assert told.keys() == {"'=HYPERLINK(1)", "", 'a "b", c'}
    assert told["'=HYPERLINK(1)"]["total_tokens"] == "1200"
    assert told["'=HYPERLINK(1)"]["cost_usd"] == "0.1"
    assert told[""]["cost_usd"] == ""


def test_models_that_differ_by_their_date_alone_keep_their_names() -> None:
    found = [cell(0, "claude-x-1-20250101", 2), cell(0, "claude-x-1-20260101", 1), cell(0, "claude-y-2-20260101", 1)]
    assert [one.name for one in group(found, "model", "requests").groups] == [
        *("claude-x-1-20250101", "claude-x-1-20260101", "y-2"),
    ]


def test_a_group_leads_to_its_filter_where_there_is_one() -> None:
    def filters(apart: Apart, key: str | None) -> str | None:
        return group([cell(0, key, 1)], apart, "requests").all[0].key

    assert filters("agent", "Explore") == "Explore"
    assert filters("agent", "subagent") is None
    assert filters("tool", "Bash") is None
    assert filters("domain", "subagent") == "subagent"


def test_what_has_no_tag_says_so() -> None:
    assert [one.name for one in group([cell(0, None, 2)], "tag", "requests").groups] == ["no tag"]


@pytest.mark.parametrize(
    ("costs", "whole"), [([], 0.0), ([None], None), ([None, 0.25], 0.25), ([0.0], 0.0), ([0.5, 0.25], 0.75)]
)
def test_a_cost_is_unknown_where_none_is_known(costs: Sequence[float | None], whole: float | None) -> None:
    assert together([cell(0, "a", 1, cost=cost) for cost in costs]).cost_usd == whole


def test_figures_are_short_and_exact_on_hover() -> None:
    assert value(1234, "requests") == '<span title="1,234">1.2k</span>'
    assert value(0.123456, "cost") == '<span title="$0.123456">$0.123</span>'
    assert mean(2.25, "tokens") == "2.2"
    assert mean(3.0, "tokens") == "3"
    assert written(1234, "tokens") == "1,234 tokens"
    assert written(3, "requests", "calls") == "3 calls"
    assert written(1, "requests") == "1 request"
    assert written(0.5, "cost") == "$0.5"
    assert written(0.0000125, "cost") == "$0.0000125"
    assert measured(Counters(cost_usd=None), "cost") == 0
