"""Reading a usage object: right for what the provider sends, total for anything else."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plait.common.usage import MOST_CALLS, MOST_TOKENS, Run, Tokens, parse

COUNTS = st.integers(0, MOST_TOKENS)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)
NAMES = [
    "input_tokens",
    "output_tokens",
    "cache_read_input_tokens",
    "cache_creation_input_tokens",
    "cache_creation",
    "server_tool_use",
    "service_tier",
    "iterations",
    "output_tokens_details",
    "speed",
]


def cache(total: object, five: object = None, hour: object = None) -> tuple[int, int, int]:
    usage = parse(
        {
            "cache_creation_input_tokens": total,
            "cache_creation": {"ephemeral_5m_input_tokens": five, "ephemeral_1h_input_tokens": hour},
        }
    )
    return usage.cache_creation_tokens, usage.tokens.cache_creation_5m, usage.tokens.cache_creation_1h


def test_nothing_is_nothing() -> None:
    usage = parse({})
    assert usage.tokens == Tokens()
    assert usage.runs == (Run(None, Tokens()),)
    assert (usage.thinking_tokens, usage.web_search_requests, usage.web_fetch_requests) == (0, 0, 0)
    assert (usage.service_tier, usage.speed, usage.geography) == (None, None, None)


@pytest.mark.parametrize(
    ("given_", "wanted"),
    [
        ((10, 4, 6), (10, 4, 6)),
        ((10,), (10, 10, 0)),  # lifetimes are not told: five minutes is the default
        ((10, 0, 10), (10, 0, 10)),
        ((15, 4, 6), (15, 9, 6)),  # written late by a server tool
        ((0, 4, 6), (10, 4, 6)),  # a total is missing
        ((None, None, 6), (6, 0, 6)),
    ],
)
def test_lifetimes_of_cache_writes(given_: tuple[object, ...], wanted: tuple[int, int, int]) -> None:
    assert cache(*given_) == wanted


@pytest.mark.parametrize("absurd", [-1, MOST_TOKENS + 1, 10**40, True, False, "7", 1.0, float("inf"), None, [], {}])
@pytest.mark.parametrize("name", NAMES[:4])
def test_what_is_no_count_is_none(name: str, absurd: object) -> None:
    assert parse({name: absurd}) == parse({})


@pytest.mark.parametrize("name", ["web_search_requests", "web_fetch_requests"])
def test_calls_of_server_tools_fit_their_column(name: str) -> None:
    assert getattr(parse({"server_tool_use": {name: MOST_CALLS}}), name) == MOST_CALLS
    assert getattr(parse({"server_tool_use": {name: MOST_CALLS + 1}}), name) == 0


def run(kind: str, into: int, out: int, model: str | None = None, **cached: int) -> dict[str, Any]:
    return {"type": kind, "input_tokens": into, "output_tokens": out, "model": model, **cached}


def test_runs_that_make_up_the_answer_are_told_apart() -> None:
    usage = parse(
        {"input_tokens": 30, "output_tokens": 5, "iterations": [run("message", 10, 2), run("message", 20, 3)]}
    )
    assert usage.tokens == Tokens(30, 5)
    assert usage.runs == (Run(None, Tokens(10, 2)), Run(None, Tokens(20, 3)))


@pytest.mark.parametrize("kind", ["compaction", "advisor_message"])
def test_what_stands_beside_the_answer_is_added(kind: str) -> None:
    usage = parse(
        {"input_tokens": 10, "output_tokens": 2, "iterations": [run(kind, 100, 7, "m"), run("message", 10, 2)]}
    )
    assert usage.tokens == Tokens(110, 9)
    assert usage.runs == (Run(None, Tokens(10, 2)), Run("m", Tokens(100, 7)))


def test_a_run_of_a_fallback_model_is_its_own() -> None:
    declined, served = run("message", 10, 1, "claude-fable-5"), run("fallback_message", 12, 8, "claude-opus-4-8")
    for top in ({"input_tokens": 12, "output_tokens": 8}, {"input_tokens": 22, "output_tokens": 9}):
        usage = parse({**top, "iterations": [declined, served]})
        assert usage.tokens == Tokens(22, 9)
        assert [one.model for one in usage.runs] == ["claude-fable-5", "claude-opus-4-8"]


@pytest.mark.parametrize("listed", [[], None, "x", [7], [{"type": "message"}], [run("message", 9, 2)]])
def test_runs_that_do_not_account_for_the_answer_are_passed_over(listed: object) -> None:
    usage = parse({"input_tokens": 10, "output_tokens": 2, "iterations": listed})
    assert usage.runs == (Run(None, Tokens(10, 2)),)


def test_thinking_speed_and_place_are_told() -> None:
    usage = parse({"output_tokens_details": {"thinking_tokens": 7}, "speed": "fast", "inference_geo": "us"})
    assert (usage.thinking_tokens, usage.speed, usage.geography) == (7, "fast", "us")


@given(COUNTS, COUNTS, COUNTS)
def test_figures_are_kept(fresh: int, out: int, read: int) -> None:
    usage = parse({"input_tokens": fresh, "output_tokens": out, "cache_read_input_tokens": read, "new_field": 1})
    assert (usage.input_tokens, usage.output_tokens, usage.cache_read_tokens) == (fresh, out, read)


@given(COUNTS, COUNTS, COUNTS)
def test_cache_writes_add_up_and_none_is_lost(total: int, five: int, hour: int) -> None:
    summed, short, long = cache(total, five, hour)
    assert summed == short + long
    assert short >= five
    assert long == hour
    assert summed in (total, five + hour)
    assert summed >= total


@given(st.dictionaries(st.sampled_from(NAMES) | st.text(), JSON))
def test_any_object_gives_figures_that_can_be_stored(usage: dict[str, Any]) -> None:
    found = parse(usage)
    tokens = [found.input_tokens, found.output_tokens, found.cache_read_tokens, found.cache_creation_tokens]
    assert all(0 <= count <= 2 * MOST_TOKENS for count in tokens)
    assert 0 <= found.web_search_requests <= MOST_CALLS
    assert found.service_tier is None or found.service_tier
