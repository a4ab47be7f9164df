"""What exchanges cost, worked out by hand from the published prices (dollars a million tokens, as of November 2026)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final, NamedTuple

import msgspec
import pytest

from plait.common.events import Outcome, ResponseData
from plait.common.ids import new_exchange_id
from plait.common.pricing.book import PriceBook
from plait.ledger.rows import Used, used

BOOK: Final = PriceBook()


class Case(NamedTuple):
    """One exchange with its cost; None: not known."""

    name: str
    model: str | None
    usage: Mapping[str, Any]
    dollars: str | None
    day: str = "2026-11-01"


def tokens(into: int = 0, out: int = 0, *, read: int = 0, five: int = 0, hour: int = 0, **more: Any) -> dict[str, Any]:
    """A usage object as the provider writes it."""
    return {
        "input_tokens": into,
        "output_tokens": out,
        "cache_read_input_tokens": read,
        "cache_creation_input_tokens": five + hour,
        "cache_creation": {"ephemeral_5m_input_tokens": five, "ephemeral_1h_input_tokens": hour},
        **more,
    }


def searched(count: int) -> dict[str, Any]:
    return {"web_search_requests": count, "web_fetch_requests": 0}


def run(kind: str, into: int, out: int, model: str | None = None) -> dict[str, Any]:
    return {"type": kind, "model": model, **tokens(into, out)}


CASES: Final = [
    # Opus 5.5: input 4, output 20, cache 5 m 5, 1 h 8, read 0.20; batch half of it; fast 8, 40, 10, 16, 0.40
    Case("nothing used", "claude-opus-5-5", tokens(), "0"),
    Case("one token in", "claude-opus-5-5", tokens(1), "0.000004"),
    Case("one token read", "claude-opus-5-5", tokens(read=1), "0.0000002"),
    Case("in and out", "claude-opus-5-5", tokens(1000, 500), "0.014"),
    Case("five minutes", "claude-opus-5-5", tokens(10, 100, five=2000), "0.01204"),
    Case("one hour", "claude-opus-5-5", tokens(10, 100, hour=2000), "0.01804"),
    Case("all of it", "claude-opus-5-5", tokens(10, 100, five=2000, hour=3000, read=100_000), "0.05604"),
    Case("lifetime not told", "claude-opus-5-5", {"cache_creation_input_tokens": 4000}, "0.02"),
    Case("grown late", "claude-opus-5-5", tokens(five=4, hour=6) | {"cache_creation_input_tokens": 15}, "0.000093"),
    Case("thinking", "claude-opus-5-5", tokens(0, 1000, output_tokens_details={"thinking_tokens": 600}), "0.02"),
    Case("web search", "claude-opus-5-5", tokens(1000, 1000, server_tool_use=searched(3)), "0.054"),
    Case("web fetch is free", "claude-opus-5-5", tokens(1000, server_tool_use={"web_fetch_requests": 5}), "0.004"),
    Case("standard tier", "claude-opus-5-5", tokens(1000, service_tier="standard", speed="standard"), "0.004"),
    Case("batch", "claude-opus-5-5", tokens(1000, 1000, service_tier="batch"), "0.012"),
    Case("batch, cached", "claude-opus-5-5", tokens(five=1000, hour=1000, read=1000, service_tier="batch"), "0.0066"),
    Case(
        "a search in a batch costs the same",
        "claude-opus-5-5",
        tokens(1000, 1000, service_tier="batch", server_tool_use=searched(1)),
        "0.022",
    ),
    Case("batch before it was listed", "claude-opus-5-5", tokens(1000, service_tier="batch"), None, "2026-10-13"),
    Case("priority", "claude-opus-5-5", tokens(1000, 1000, service_tier="priority"), "0.024"),
    Case("a tier nobody knows", "claude-opus-5-5", tokens(1000, service_tier="galactic"), None),
    Case("fast", "claude-opus-5-5", tokens(1000, 1000, speed="fast"), "0.048"),
    Case("fast, cached", "claude-opus-5-5", tokens(five=1000, hour=1000, read=1000, speed="fast"), "0.0264"),
    Case("fast and batch has no price", "claude-opus-5-5", tokens(1000, speed="fast", service_tier="batch"), None),
    Case("anywhere", "claude-opus-5-5", tokens(1000, inference_geo="global"), "0.004"),
    Case("place not told", "claude-opus-5-5", tokens(1000, inference_geo="not_available"), "0.004"),
    Case("a place with a price of its own", "claude-opus-5-5", tokens(1000, inference_geo="us"), None),
    # Opus 5 and 4.8 to 4.5: 5, 25, 6.25, 10, 0.50; 4.6 twice as much beyond 200,000 until 12 March 2026
    Case("Opus 5", "claude-opus-5", tokens(1000, 1000, five=1000), "0.03625"),
    Case("Opus 4.8, fast", "claude-opus-4-8", tokens(1000, 1000, speed="fast"), "0.06"),
    Case("Opus 4.7, a million", "claude-opus-4-7", tokens(1_000_000, 100_000), "7.5"),
    Case("Opus 4.7 has no fast mode", "claude-opus-4-7", tokens(1000, speed="fast"), None),
    Case("Opus 4.6, long", "claude-opus-4-6", tokens(300_000, 1000), "3.0375", "2026-03-12"),
    Case("Opus 4.6, long, later", "claude-opus-4-6", tokens(300_000, 1000), "1.525", "2026-03-13"),
    Case("Opus 4.5", "claude-opus-4-5-20251101", tokens(1000, 1000, read=10_000, five=1000, hour=1000), "0.05125"),
    # Opus 4.1, 4 and 3: 15, 75, 18.75, 30, 1.50
    Case("Opus 4.1", "claude-opus-4-1-20250805", tokens(1000, 1000, five=1000), "0.10875"),
    Case("Opus 4", "claude-opus-4-20250514", tokens(100, 10), "0.00225"),
    Case("Opus 3", "claude-3-opus-20240229", tokens(1000, 1000, hour=1000), "0.12"),
    # Sonnet 5.5 and 5: 2, 10, 2.50, 4, read 0.10 and 0.20; older: 3, 15, 3.75, 6, 0.30; 4.5 and 4.6 with a long price
    Case("Sonnet 5.5", "claude-sonnet-5-5", tokens(read=1_000_000, five=1000), "0.1025"),
    Case("Sonnet 5", "claude-sonnet-5", tokens(1000, 1000, read=1000), "0.0122"),
    Case("Sonnet 4.6, long", "claude-sonnet-4-6", tokens(200_001), "1.200006", "2026-03-12"),
    Case("Sonnet 4.6, long, later", "claude-sonnet-4-6", tokens(200_001), "0.600003", "2026-03-13"),
    Case("Sonnet 4.5", "claude-sonnet-4-5-20250929", tokens(1000, 1000), "0.018"),
    Case("Sonnet 4.5, as long as it may be", "claude-sonnet-4-5", tokens(read=200_000), "0.06"),
    Case("Sonnet 4.5, read makes it long", "claude-sonnet-4-5", tokens(1000, 1000, read=200_000), "0.1485"),
    Case("Sonnet 4.5, written makes it long", "claude-sonnet-4-5", tokens(hour=200_001), "2.400012"),
    Case("Sonnet 4", "claude-sonnet-4-20250514", tokens(1000, 1000, five=1000, hour=1000), "0.02775"),
    Case("Sonnet 3.7", "claude-3-7-sonnet-20250219", tokens(1000, 1000, read=1000), "0.0183"),
    Case("Sonnet 3.5", "claude-3-5-sonnet-20241022", tokens(1000, 1000, five=1000), "0.02175"),
    # Haiku 5.5: 0.10, 0.50, five times as much beyond 100,000; 4.5: 1, 5; 3.5: 0.80, 4, 1 h 1.60; 3: 0.25, 1.25, 0.30
    Case("Haiku 5.5", "claude-haiku-5-5", tokens(1000, 1000), "0.0006"),
    Case("Haiku 5.5, long", "claude-haiku-5-5", tokens(100_001, 1000), "0.0525005"),
    Case("Haiku 5.5, long, batch", "claude-haiku-5-5", tokens(200_000, 1000, service_tier="batch"), "0.05125"),
    Case("Haiku 4.5, a title", "claude-haiku-4-5-20251001", tokens(300, 20), "0.0004"),
    Case("Haiku 3.5", "claude-3-5-haiku-20241022", tokens(1000, 1000, hour=1000), "0.0064"),
    Case("Haiku 3", "claude-3-haiku-20240307", tokens(1000, 1000, five=1000), "0.0018"),
    Case("Haiku 3 never searched", "claude-3-haiku-20240307", tokens(1000, server_tool_use=searched(1)), None),
    # Fable and Mythos
    Case("Fable 5", "claude-fable-5", tokens(1000, 1000, read=10_000), "0.07"),
    Case("Fable 5.1", "claude-fable-5-1", tokens(1000, 1000, read=10_000), "0.0625"),
    Case("Fable 5.2", "claude-fable-5-2", tokens(1000, 1000, read=1000), "0.0482"),
    Case("Mythos 5.2", "claude-mythos-5-2", tokens(hour=1000), "0.016"),
    # Claude 2: 8, 24, no cache
    Case("Claude 2", "claude-2.1", tokens(1000, 1000), "0.032"),
    Case("Claude 2 had no cache", "claude-2.1", tokens(1000, 1000, five=1), None),
    # Several runs
    Case(
        "a model that declined, and the one that answered",
        "claude-opus-4-8",
        tokens(
            1200,
            500,
            iterations=[
                run("message", 1000, 10, "claude-fable-5"),
                run("fallback_message", 1200, 500, "claude-opus-4-8"),
            ],
        ),
        "0.029",
    ),
    Case(
        "compaction on the way",
        "claude-opus-5-5",
        tokens(1000, 100, iterations=[run("compaction", 180_000, 3500), run("message", 1000, 100)]),
        "0.796",
    ),
    Case(
        "another model's advice",
        "claude-sonnet-5",
        tokens(1000, 100, iterations=[run("message", 1000, 100), run("advisor_message", 500, 200, "claude-opus-5-5")]),
        "0.009",
    ),
    Case(
        "two short prompts are no long one",
        "claude-haiku-5-5",
        tokens(120_000, 0, iterations=[run("message", 60_000, 0), run("message", 60_000, 0)]),
        "0.012",
    ),
    Case(
        "one run of a model nobody knows",
        "claude-opus-5-5",
        tokens(1000, 100, iterations=[run("message", 1000, 100), run("advisor_message", 1, 1, "claude-omega-9")]),
        None,
    ),
    # Unknown
    Case("another maker's model", "gpt-4", tokens(1000), None),
    Case("no model told", None, tokens(1000), None),
    Case("a model that is not out yet", "claude-opus-9", tokens(1000), None),
]


def answer(
    model: str | None, usage: Mapping[str, Any] | None, day: str = "2026-11-01", outcome: Outcome = "complete"
) -> ResponseData:
    at = datetime.fromisoformat(f"{day}T23:59:59+00:00")
    return ResponseData(
        exchange_id=new_exchange_id(),
        domain="a.test",
        thread="t",
        started_at=at,
        outcome=outcome,
        status=200,
        headers=[],
        ended_at=at + timedelta(seconds=1),
        duration_ms=1000,
        usage=msgspec.UNSET if usage is None else msgspec.Raw(msgspec.json.encode(usage)),
        model=model,
    )


def priced(case: Case) -> Used:
    found = used(answer(case.model, case.usage, case.day), BOOK)
    assert found
    return found


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_costs_are_those_worked_out_by_hand(case: Case) -> None:
    cost = priced(case).cost
    assert (cost and cost.total) == (None if case.dollars is None else Decimal(case.dollars))


def test_the_parts_are_told_apart() -> None:
    usage = tokens(10, 100, five=2000, hour=3000, read=100_000, server_tool_use=searched(2))
    cost = priced(Case("", "claude-opus-5-5", usage, "")).cost
    assert cost
    parts = (cost.input, cost.output, cost.cache_5m, cost.cache_1h, cost.cache_read, cost.tools)
    assert parts == tuple(map(Decimal, ("0.00004", "0.002", "0.01", "0.024", "0.02", "0.02")))
    assert (cost.models, cost.version) == ("claude-opus-5-5", "genai-prices 0.2.3 (2026-11-10)")


@pytest.mark.parametrize("outcome", ["interrupted", "aborted"])
def test_an_unfinished_answer_costs_what_was_seen(outcome: Outcome) -> None:
    found = used(answer("claude-opus-5-5", tokens(1000, 1), outcome=outcome), BOOK)
    assert found
    assert found.cost
    assert found.cost.total == Decimal("0.00402")


@pytest.mark.parametrize("outcome", ["failed", "complete"])
def test_errors_and_counts_of_tokens_cost_nothing(outcome: Outcome) -> None:
    """Their answers report no usage: what count_tokens tells is its answer."""
    assert used(answer("claude-opus-5-5", None, outcome=outcome), BOOK) is None


def test_prices_change_at_midnight_utc() -> None:
    evening = datetime.fromisoformat("2026-03-12T23:30:00-05:00")  # the 13th in UTC
    late = msgspec.structs.replace(answer("claude-opus-4-6", tokens(300_000, 1000)), started_at=evening)
    found = used(late, BOOK)
    assert found
    assert found.cost
    assert found.cost.total == Decimal("1.525")
    assert evening.astimezone(UTC).day == 13
