"""When conversations are due by rule, and how long to wait before trying again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from plait.analyzer.pauses import pause
from plait.analyzer.rule import Rule, parse
from plait.analyzer.settings import RuleSettings, WorkSettings

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "idle"),
    [
        ("idle:30m", timedelta(minutes=30)),
        (" IDLE:2h ", timedelta(hours=2)),
        ("idle:90s", timedelta(seconds=90)),
        ("idle:30d", timedelta(days=30)),
        ("daily", None),
    ],
)
def test_rules(text: str, idle: timedelta | None) -> None:
    assert parse(text) == Rule(idle)


@pytest.mark.parametrize("text", ["off", "", " Off "])
def test_no_rule(text: str) -> None:
    assert parse(text) is None


@pytest.mark.parametrize("text", ["on", "idle", "idle:", "idle:0m", "idle:31d", "idle:5", "idle:-5m", "hourly"])
def test_what_is_no_rule(text: str) -> None:
    with pytest.raises(ValidationError, match="must be off, daily, or idle:"):
        RuleSettings.model_validate({"analysis_auto": text})


def test_when_conversations_are_due() -> None:
    assert Rule(timedelta(minutes=30)).due(NOON) == NOON + timedelta(minutes=30)
    midnight = datetime(2026, 11, 22, tzinfo=UTC)
    assert Rule(None).due(NOON) == midnight
    assert Rule(None).due(midnight) == midnight + timedelta(days=1)
    late = datetime(2026, 11, 21, 22, tzinfo=timezone(timedelta(hours=-5)))
    assert Rule(None).due(late) == midnight + timedelta(days=1)


def test_bounds_that_exclude_each_other_are_refused() -> None:
    assert RuleSettings().rule is None
    assert WorkSettings().analysis_attempts == 5


@given(st.integers(1, 20), st.none() | st.floats(0, 1e9), st.floats(0, 1))
def test_pauses_grow_have_an_end_and_honour_what_was_told(attempt: int, told: float | None, chance: float) -> None:
    seconds = pause(2, attempt, told, lambda: chance).total_seconds()
    assert seconds >= min(2 * 4 ** (attempt - 1), 600) - 1e-6
    assert seconds >= min(told or 0, 24 * 3600) - 1e-3
    assert seconds <= max(600, min(told or 0, 24 * 3600)) + 300 + 1e-3


def test_pauses() -> None:
    assert [pause(2, n, None, lambda: 0).total_seconds() for n in range(1, 8)] == [2, 8, 32, 128, 512, 600, 600]
    assert pause(2, 1, 30, lambda: 1).total_seconds() == 31
