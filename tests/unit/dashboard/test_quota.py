"""Cards of accounts: what was told of each stands under its own name, and the fullest comes first."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from plait.common.queries.accounts import Account, LimitHeader, ToldWindow
from plait.common.queries.analyses import QualityOfDay
from plait.common.queries.pace import AccountPace
from plait.dashboard.islands.quality import CURVES, curve, quality_of
from plait.dashboard.islands.quota import Card, cards, level_of, rates_of, reset_of, whose

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")


def window(account: str | None, claim: str, used: float | None, **facts: Any) -> ToldWindow:
    values: dict[str, Any] = {
        "account_id": account,
        "domain": "a.test",
        "claim": claim,
        "ends_at": NOW + timedelta(hours=2),
        "first_seen": NOW - timedelta(hours=2),
        "last_seen": NOW - timedelta(minutes=1),
        "utilization": used,
        "status": "allowed",
        **facts,
    }
    return ToldWindow(**values)


def header(name: str, value: str, account: str | None = None, domain: str = "a.test") -> LimitHeader:
    return LimitHeader(
        account_id=account,
        domain=domain,
        name=f"anthropic-ratelimit-{name}",
        value=value,
        seen_at=NOW,
        exchange_id=UUID(int=1),
    )


def pace(account: str | None, output: int) -> AccountPace:
    return AccountPace(
        account_id=account,
        output_tokens=output,
        input_tokens=0,
        request_count=1,
        last_request_time=NOW,
        remaining_tokens=None,
        percentage_used=None,
        domains=[],
        mini_series=[],
    )


def found(*told: ToldWindow, headers: tuple[LimitHeader, ...] = (), paces: tuple[AccountPace, ...] = ()) -> list[Card]:
    return cards(told, headers, paces, NOW)


def test_the_fullest_stands_first_then_what_was_used_most() -> None:
    told = (window("half", "5h", 0.5), window("full", "7d", 0.99), window("full", "5h", 0.1))
    used = (pace("busy", 900), pace("idle", 3))
    assert [card.name for card in found(*told, paces=used)] == ["full", "half", "busy", "idle"]


def test_of_a_claim_the_latest_window_holds() -> None:
    old = window("one", "5h", 0.9, ends_at=NOW - timedelta(hours=3))
    (card,) = found(window("one", "5h", 0.2), old)
    assert [(meter.name, meter.used, meter.over) for meter in card.meters] == [("5 hours", 0.2, False)]


def test_a_window_that_has_ended_worries_nobody() -> None:
    (card,) = found(window("one", "5h", 0.99, ends_at=NOW))
    assert card.meters[0].over
    assert card.meters[0].level == "over"
    assert card.urgency[0] == 1.0


def test_a_window_that_refuses_is_as_bad_as_a_full_one() -> None:
    (card,) = found(window("one", "5h", 0.2, status="rejected"))
    assert (card.meters[0].refused, card.meters[0].level) == (True, "bad")


def test_a_projection_is_the_one_of_the_read_api() -> None:
    told = window("one", "5h", 0.8)
    assert told.full_at is not None
    assert found(told)[0].meters[0].full_at == told.full_at


@pytest.mark.parametrize(("used", "level"), [(0.0, "good"), (0.69, "good"), (0.7, "warn"), (0.9, "bad"), (1.3, "bad")])
def test_levels(used: float, level: str) -> None:
    assert level_of(used) == level


def test_without_an_account_the_domain_stands_for_it() -> None:
    (card,) = found(headers=(header("requests-limit", "4000"), header("requests-remaining", "1000")))
    assert card.account == Account(None, "a.test") == whose(None, "a.test")
    assert card.address == "/limits?domain=a.test"
    (rate,) = card.rates
    assert (rate.name, rate.limit, rate.remaining, rate.used) == ("requests", 4000, 1000, 0.75)


def test_an_account_and_a_domain_of_one_name_are_two() -> None:
    two = found(headers=(header("tokens-limit", "1", account="x"), header("tokens-limit", "1", domain="x")))
    assert {card.address for card in two} == {"/limits?account=x", "/limits?domain=x"}


def test_headers_that_hold_no_figures_are_no_rates() -> None:
    given = [
        header("unified-5h-utilization", "0.4"),
        header("unified-status", "allowed"),
        header("output-tokens-limit", "many"),
        header("output-tokens-reset", "soon"),
        header("requests-reset", "2026-11-21T12:01:00Z"),
    ]
    (rate,) = rates_of(given)
    assert (rate.name, rate.limit, rate.remaining, rate.resets_at) == ("output tokens", None, None, None)
    assert rate.used is None


def day(number: int, analyses: int, clear: float) -> QualityOfDay:
    return QualityOfDay(
        day=datetime(2026, 10, 23 + number, 22, tzinfo=UTC),
        analyses=analyses,
        prompt_clarity=clear,
        context_completeness=2.0,
        positive=1,
        negative=0,
    )


def test_each_analysis_counts_alike_in_the_quality_of_all_days() -> None:
    whole = quality_of([day(0, 1, 4.0), day(1, 3, 8.0)])
    assert (whole.analyses, whole.prompt_clarity, whole.context_completeness) == (4, 7.0, 2.0)
    assert (whole.positive, whole.negative) == (2, 0)


def test_a_curve_has_a_point_a_day_on_the_readers_calendar() -> None:
    chart = curve([day(0, 1, 4.0), day(1, 3, 8.0)], "prompt_clarity", CURVES["prompt_clarity"], BERLIN)
    assert chart.rows["value"] == [4.0, 8.0]
    assert chart.rows["when"] == ["Saturday 24 October", "Sunday 25 October"]
    assert chart.spec["layer"][0]["encoding"]["y"]["scale"]["domain"] == [0, 10]
    assert "24 Oct 4.0, 25 Oct 8.0" in chart.description


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("unified-5h-reset", "1795313717", datetime(2026, 11, 22, 2, 15, 17, tzinfo=UTC)),
        ("requests-reset", "2026-11-22T03:35:17Z", datetime(2026, 11, 22, 3, 35, 17, tzinfo=UTC)),
        ("unified-5h-reset", "soon", None),
        ("unified-5h-reset", "9" * 40, None),
        ("tokens-remaining", "1795313717", None),
    ],
)
def test_when_a_limit_begins_anew_is_a_time(name: str, value: str, told: datetime | None) -> None:
    assert reset_of(header(name, value)) == told
