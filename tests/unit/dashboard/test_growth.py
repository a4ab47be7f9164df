"""How a branch used its model."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from plait.common.queries.cache import CacheMiss
from plait.common.queries.exchanges import ExchangeSummary
from plait.dashboard.islands.growth import SERIES, by_cause, by_model, cache_chart, context_chart, used_turns
from plait.dashboard.islands.tree import branches_of
from tests.unit.dashboard.exchanges import START, exchange, number

HAIKU = "claude-haiku-4-5"


def turn(n: int, read: int, written: int = 0, fresh: int = 10, **facts: Any) -> ExchangeSummary:
    """The nth turn of a line, with an answer of 5 tokens."""
    counted = {"cache_read_input_tokens": read, "cache_creation_input_tokens": written, "input_tokens": fresh}
    tokens = {**counted, "output_tokens": 5, "total_tokens": read + written + fresh + 5}
    return exchange(n, n - 1 if n else None, **{"model": HAIKU, "cost_usd": 0.5, **tokens, **facts})


def miss(n: int, cause: str, cost: float | None) -> CacheMiss:
    values: dict[str, Any] = dict.fromkeys(CacheMiss.__struct_fields__)
    known = {"request_id": number(n), "cause": cause, "missed_tokens": 100, "cost_usd": cost}
    return CacheMiss(**{**values, **known, "timestamp": START + timedelta(seconds=n)})


def test_the_curve_has_a_point_a_turn_with_misses_marked_and_the_window_where_it_is_near() -> None:
    chart = context_chart([turn(0, 0, 1000), turn(1, 190_000)], {number(1)})
    assert chart.rows["at"] == [1.0, 2.0]
    assert chart.rows["value"] == [1010.0, 190_010.0]
    assert chart.rows["warned"] == [False, True]
    assert any(layer.get("encoding", {}).get("y") == {"datum": 200_000} for layer in chart.spec["layer"])
    assert "1,010 in the first, 190,010 in the last, 190,010 at most" in chart.description


def test_a_window_far_away_is_not_drawn() -> None:
    chart = context_chart([turn(0, 1000)], set())
    assert len(chart.spec["layer"]) == 2


def test_bars_tell_what_the_cache_gave() -> None:
    chart = cache_chart([turn(0, 0, 90, 10), turn(1, 90, 20, 10)])
    assert chart.rows["series"] == [*SERIES, *SERIES]
    assert chart.rows["shown"] == [f"{tokens} tokens" for tokens in (0, 90, 10, 90, 20, 10)]
    assert "Of 220 tokens of prompts in 2 turns 90" in chart.description


def test_many_turns_are_means_of_some() -> None:
    turns = [turn(n, n) for n in range(1000)]
    chart = cache_chart(turns)
    assert len(chart.rows["value"]) <= 3 * 160
    assert chart.rows["value"][0] == sum(range(7)) / 7
    assert chart.rows["when"][0] == "turns 1 to 7, on average"
    assert chart.rows["when"][-1].startswith(("turn 1000", "turns 995 to 1000"))


def test_turns_are_those_of_the_branch_that_used_a_prompt() -> None:
    turns = [turn(0, 5), turn(1, 5, branch_id="x"), exchange(2, 0)]
    assert used_turns(turns, branches_of(turns), "main") == turns[:1]


def test_models_are_told_the_dearest_first_and_unknown_prices_as_such() -> None:
    turns = [turn(0, 10, model="new", cost_usd=None), turn(1, 10), turn(2, 10)]
    first, second = by_model([*turns, exchange(3, 2)])
    assert (first.model, first.requests, first.prompt_tokens, first.output_tokens, first.cost_usd) == (
        HAIKU,
        2,
        40,
        10,
        1.0,
    )
    assert (second.model, second.cost_usd) == ("new", None)


def test_causes_are_told_the_dearest_first() -> None:
    found = by_cause([miss(1, "tools", 0.5), miss(2, "model", 0.2), miss(3, "tools", None)])
    assert [(one.cause, one.tokens, one.cost_usd) for one in found] == [("tools", 200, 0.5), ("model", 100, 0.2)]
