"""What becomes of a model's answer: an analysis of real exchanges without secrets, or what was wrong with it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as with_settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from plait.analyzer.insight.checking import Fit, Unfit, check
from plait.common.analysis import Analysis, response_schema
from tests.unit.analyzer.branches import answered, assistant, branch, settings, talk, turn, user
from tests.unit.dashboard.exchanges import number

BRANCH = talk("a", "b", "c", "d")
SETTINGS = settings()


def fit(answer: str) -> Fit:
    checked = check(answer, BRANCH, SETTINGS)
    assert isinstance(checked, Fit), checked
    return checked


def unfit(answer: str) -> Unfit:
    checked = check(answer, BRANCH, SETTINGS)
    assert isinstance(checked, Unfit)
    return checked


def test_the_schema_is_one_and_asks_for_everything() -> None:
    schema = response_schema()
    Draft202012Validator.check_schema(schema)
    Draft202012Validator(schema).validate(json.loads(answered()))
    assert "$ref" not in json.dumps(schema)
    assert set(schema["required"]) == set(schema["properties"])
    assert "costliestSteps" not in schema["properties"]
    assert schema["properties"]["promptingTips"]["items"]["required"] == ["category", "issue", "suggestion", "example"]
    assert response_schema() is not response_schema()


def test_a_good_answer_is_kept_whole() -> None:
    checked = fit(answered())
    assert checked.dropped == []
    data = checked.analysis.as_json()
    assert {name: data[name] for name in data if name != "costliestSteps"} == json.loads(answered())
    assert Analysis.model_validate(data) == checked.analysis


@pytest.mark.parametrize("around", ["```json\n{}\n```", "```\n{}\n```", "\n {} \n"])
def test_blocks_of_code_around_it_do_not_matter(around: str) -> None:
    assert fit(around.replace("{}", answered())).analysis == fit(answered()).analysis


def test_what_was_not_asked_for_is_passed_over_and_what_may_be_missing_may() -> None:
    told = json.loads(answered(more=1, turningPoints=[]))
    del told["technicalDetails"]["toolUsageEfficiency"], told["actionItems"][0]["priority"]
    told["promptingTips"][0]["example"] = None
    analysis = fit(json.dumps(told)).analysis
    assert analysis.technical_details.tool_usage_efficiency == ""
    assert analysis.action_items[0].priority == "medium"
    assert analysis.prompting_tips[0].example == ""


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ("I cannot do that.", "answer: Invalid JSON: "),
        ("", "answer: Invalid JSON: EOF while parsing a value"),
        (answered()[:300], "answer: Invalid JSON: EOF while parsing"),
        ("[1]", "answer: Input should be an object"),
        ("[" * 100_000, "answer: Invalid JSON: recursion limit exceeded"),
        (answered(sentiment="angry"), "sentiment: Input should be 'positive', 'neutral', 'negative' or 'mixed'"),
        (answered(summary=None), "summary: Input should be a valid string"),
        (answered(promptingTips=[{"category": "tone"}]), "promptingTips.0.category: Input should be 'clarity'"),
        (
            answered(interactionPatterns={"promptClarity": 11}),
            "interactionPatterns.promptClarity: Input should be less",
        ),
    ],
)
def test_what_is_wrong_is_named(answer: str, error: str) -> None:
    checked = unfit(answer)
    assert any(one.startswith(error) for one in checked.errors), checked.errors
    assert checked.reason.startswith("The model's answer is no analysis; it is kept as it came. ")


def test_an_unfit_answer_is_kept_raw_as_code_without_secrets() -> None:
    raw = "Sure! ![x](https://evil.example/?q=1)\n````\npassword=hunter2\0"
    checked = unfit(raw)
    assert checked.content == (
        "`````\nSure! ![x](https://evil.example/?q=1)\n````\npassword=[redacted:passwords]\n`````"
    )
    assert unfit('{"a": ').content == '```json\n{"a": \n```'


def test_errors_are_few_and_tell_nothing_of_the_answer() -> None:
    checked = unfit(answered(keyTopics=[1] * 50, actionItems=[{"type": "PWNED", "PWNED": "PWNED"}]))
    assert len(checked.errors) == 21
    assert checked.errors[-1] == "and 32 more"
    assert "PWNED" not in "".join(checked.errors)


def test_turning_points_are_exchanges_of_the_branch_each_once() -> None:
    points = [
        {"requestId": f"exchange {number(1)}".upper(), "why": "b"},
        {"requestId": str(number(1)), "why": "again"},
        {"requestId": str(number(7)), "why": "of another branch"},
        {"requestId": "the first", "why": "c"},
        {"requestId": str(number(0)), "why": "a"},
    ]
    checked = fit(answered(turningPoints=points))
    assert [(one.request_id, one.why) for one in checked.analysis.turning_points] == [
        (str(number(1)), "b"),
        (str(number(0)), "a"),
    ]
    assert checked.dropped == [
        "3 of the model's turning points left out: they name no exchange of this branch, or one twice."
    ]


def test_secrets_in_an_answer_are_masked_and_no_reason_to_fail() -> None:
    key = "sk-ant-api03-" + "aB3_" * 20
    checked = fit(answered(summary=f"The key {key} of bo@example.com", keyTopics=[f"{key}"]))
    assert key not in json.dumps(checked.analysis.as_json()) + checked.content
    assert checked.analysis.summary == "The key [redacted:api-keys] of [redacted:emails]"
    told = check(answered(summary=f"{key} of bo@example.com"), BRANCH, settings(analysis_redact="off"))
    assert isinstance(told, Fit)
    assert told.analysis.summary == "[redacted:api-keys] of bo@example.com"


def test_what_databases_refuse_and_what_turns_texts_around_is_taken_out() -> None:
    analysis = fit(answered(summary="a\0b\u202ec\u200bd\r\ne\x1b[31m")).analysis
    assert analysis.summary == "abcd\ne[31m"


def test_the_costliest_steps_are_figures_of_the_record_whatever_the_model_says() -> None:
    figures: list[dict[str, Any]] = [
        {"total_tokens": 1000, "input_tokens": 900, "output_tokens": 100, "cost_usd": 0.01},
        {"total_tokens": 90_000, "cache_read_input_tokens": 90_000, "cost_usd": 0.04},
        {"total_tokens": 20_000, "cache_creation_input_tokens": 19_000, "output_tokens": 1000, "cost_usd": 0.15},
        {"total_tokens": 10, "output_tokens": 10, "cost_usd": 0.00001},
        {"total_tokens": 0},
    ]
    record = branch(*(turn(n, [user("a")], assistant("b"), **each) for n, each in enumerate(figures)))
    lie = [{"requestId": str(number(0)), "tokens": 1, "why": "PWNED"}]
    checked = check(answered(costliestSteps=lie), record, SETTINGS)
    assert isinstance(checked, Fit)
    assert [(one.request_id, one.tokens, one.why) for one in checked.analysis.costliest_steps] == [
        (
            str(number(2)),
            20_000,
            "75% of the branch's cost ($0.1500). Tokens: 19,000 written to the cache, 1,000 output.",
        ),
        (str(number(1)), 90_000, "20% of the branch's cost ($0.0400). Tokens: 90,000 read from the cache."),
        (str(number(0)), 1000, "5% of the branch's cost ($0.0100). Tokens: 900 new input, 100 output."),
    ]


def test_without_prices_the_costliest_steps_are_those_of_most_tokens() -> None:
    record = branch(
        turn(0, [user("a")], assistant("b"), total_tokens=50, input_tokens=50),
        turn(1, [], assistant("b"), total_tokens=150, output_tokens=150, cost_usd=0.1),
    )
    checked = check(answered(), record, SETTINGS)
    assert isinstance(checked, Fit)
    assert [(one.request_id, one.why[:27]) for one in checked.analysis.costliest_steps] == [
        (str(number(1)), "75% of the branch's tokens "),
        (str(number(0)), "25% of the branch's tokens."),
    ]


@with_settings(deadline=None)
@given(st.text() | st.recursive(st.none() | st.text(), lambda inner: st.lists(inner), max_leaves=5).map(json.dumps))
def test_no_answer_raises(answer: str) -> None:
    unfit(answer)


def test_a_block_of_nothing_but_lines_takes_no_time() -> None:
    assert unfit("```json\n" + "\n" * 50_000 + "x```").errors
