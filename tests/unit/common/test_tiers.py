"""Which totals answer a question."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plait.common.buckets import Span
from plait.common.queries.tiers import ENDLESS, FACETS, TOOL_FACETS, reach

ORIGIN = datetime(2000, 1, 1, tzinfo=UTC)
START = ORIGIN + timedelta(days=64 * 153)
DAY = 1440
NEVER: list[datetime] = []
moments = st.integers(-40 * 96, 100 * 96).map(lambda quarters: START + timedelta(minutes=15 * quarters))


@pytest.mark.parametrize(
    ("needed", "facet"),
    [
        (set(), "all"),
        ({"model"}, "model"),
        ({"agent"}, "kind"),
        ({"domain"}, "domain"),
        ({"account"}, "domain_account"),
        ({"domain", "agent", "kind"}, "domain_kind"),
        ({"domain", "model"}, "domain_type"),
        ({"key"}, "domain_key"),
        ({"account", "model"}, "domain_model"),
        ({"model", "tag"}, None),
    ],
)
def test_the_facet_of_the_fewest_rows_that_tells_apart_what_is_needed(needed: set[str], facet: str | None) -> None:
    assert reach(Span(START), needed).facet == facet


def test_the_longest_totals_stand_in_the_middle() -> None:
    span = Span(START - timedelta(days=9, hours=1), START + timedelta(days=64, hours=30, minutes=45))
    day, hour = timedelta(days=1), timedelta(hours=1)
    found = reach(span, {"model"})
    assert found.totals == [
        (60, START - 9 * day - hour, START - 9 * day),
        (DAY, START - 9 * day, START - 8 * day),
        (8 * DAY, START - 8 * day, START),
        (64 * DAY, START, START + 64 * day),
        (DAY, START + 64 * day, START + 65 * day),
        (60, START + 65 * day, START + 65 * day + 6 * hour),
    ]
    assert found.slots == [(START + 65 * day + 6 * hour, span.until)]


def test_a_span_without_an_end_needs_nothing_short_at_its_end() -> None:
    assert reach(Span(ORIGIN), {"model"}).totals == [(64 * DAY, ORIGIN, ENDLESS)]


@pytest.mark.parametrize("length", [timedelta(), timedelta(minutes=7), timedelta(days=1), timedelta(days=63, hours=5)])
def test_the_ends_of_time(length: timedelta) -> None:
    earliest = datetime.min.replace(tzinfo=UTC)
    for span in (Span(earliest + length), Span(earliest, earliest + length), Span(ENDLESS - length)):
        found = reach(span, {"model"})
        parts = sorted([(begin, end) for _, begin, end in found.totals] + found.slots)
        assert [part[0] for part in parts[:1]] == [span.first][: len(parts)]
        assert [part[1] for part in parts[-1:]] == [span.last or ENDLESS][: len(parts)]


def test_totals_are_as_short_as_what_is_told_apart() -> None:
    days = [START + n * timedelta(days=1) for n in range(30)]
    assert [length for length, *_ in reach(Span(days[0]), {"model"}, cuts=days[1:]).totals] == [DAY]
    hours = [at + timedelta(hours=5) for at in days]
    assert [length for length, *_ in reach(Span(hours[0]), {"model"}, cuts=hours[1:]).totals] == [60]
    halves = [at + timedelta(minutes=30) for at in hours]
    assert [length for length, *_ in reach(Span(halves[0]), set(), cuts=halves[1:]).totals] == [15]
    assert reach(Span(halves[0]), {"model"}, cuts=halves[1:]).slots == [(halves[0], ENDLESS)]


@given(
    since=moments,
    until=moments | st.none(),
    needed=st.sets(st.sampled_from(["domain", "model", "kind", "tag", "account"])),
    step=st.sampled_from([None, 15, 60, DAY, 3 * DAY, 8 * DAY]),
)
def test_totals_and_slots_make_up_the_span_and_are_cut_nowhere(
    since: datetime, until: datetime | None, needed: set[str], step: int | None
) -> None:
    span = Span(since, max(since, until) if until else None)
    cuts = [since + n * timedelta(minutes=step) for n in range(1, 40)] if step else NEVER
    found = reach(span, needed, cuts=cuts)
    parts = sorted([(begin, end) for _, begin, end in found.totals] + found.slots)
    assert [begin for begin, _ in parts] == [span.first, *(end for _, end in parts[:-1])][: len(parts)]
    assert not parts or parts[-1][1] == (span.last or ENDLESS)
    assert parts or span.first == span.last
    for length, begin, end in found.totals:
        whole = timedelta(minutes=length)
        assert all(at == ENDLESS or (at - ORIGIN) % whole == timedelta() for at in (begin, end, *cuts))
    assert len(found.totals) <= 9


def test_of_tools_there_are_no_hours_by_domain() -> None:
    span = Span(START - timedelta(hours=1))
    assert reach(span, {"tool"}, facets=TOOL_FACETS).slots == []
    assert reach(span, {"tool", "domain"}, facets=TOOL_FACETS).slots == [(span.since, START)]


def test_what_a_limited_reader_is_shown_has_a_domain() -> None:
    for needed in FACETS.values():
        facet = reach(Span(START), needed | {"domain"}).facet
        assert facet is None or "domain" in FACETS[facet]
