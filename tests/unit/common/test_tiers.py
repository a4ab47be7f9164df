"""Which totals answer a question."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plait.common.buckets import Span
from plait.common.queries.tiers import ENDLESS, is_midnight, reach

START = datetime(2026, 11, 1, tzinfo=UTC)
MONTH = Span(START + timedelta(hours=5), START + timedelta(days=30, hours=7))
moments = st.integers(0, 40 * 86_400).map(lambda seconds: START + timedelta(seconds=seconds))


@pytest.mark.parametrize(
    ("needed", "by_days", "tier"),
    [
        (set(), True, 1),
        ({"domain"}, True, 1),
        ({"domain", "account", "model"}, True, 1),
        ({"kind"}, True, 2),
        ({"domain", "agent", "kind"}, True, 2),
        ({"key", "domain"}, True, 3),
        ({"tag"}, True, 4),
        ({"domain"}, False, 0),
        (set(), False, 0),
        ({"model"}, False, None),
        ({"model", "tag"}, True, None),
    ],
)
def test_the_tier_that_tells_apart_what_is_needed(needed: set[str], by_days: bool, tier: int | None) -> None:
    assert reach(MONTH, needed, by_days=by_days).tier == tier


def test_days_at_the_ends_are_left_to_slots() -> None:
    found = reach(MONTH, {"model"}, by_days=True)
    assert (found.begins, found.ends) == (START + timedelta(days=1), START + timedelta(days=30))


def test_slots_alone_serve_less_than_a_day() -> None:
    span = Span(START + timedelta(hours=5), START + timedelta(hours=30))
    assert reach(span, {"model"}, by_days=True).tier is None
    assert reach(span, {"domain"}, by_days=True).tier == 0


@given(since=moments, until=moments | st.none(), needed=st.sets(st.sampled_from(["domain", "model", "kind", "tag"])))
def test_totals_reach_over_whole_days_within_the_span(
    since: datetime, until: datetime | None, needed: set[str]
) -> None:
    span = Span(since, max(since, until) if until else None)
    found = reach(span, needed, by_days=True)
    assert span.first <= found.begins <= found.ends <= (span.last or ENDLESS)
    if found.tier:
        assert is_midnight(found.begins)
        assert found.ends == ENDLESS or is_midnight(found.ends)
        assert found.begins - span.first < timedelta(days=1)
