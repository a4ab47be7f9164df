"""Google's own SDK against a scripted Gemini: what its answers and faults mean to us."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from plait.analyzer.providers import Ask, Provider, ProviderError, Refused, Unavailable, provider_of
from plait.analyzer.providers.provider import MOST_BYTES
from plait.analyzer.settings import ProviderSettings
from plait.common.analysis import Findings, response_schema
from plait.fakes.answers import Answer, json_answer, raw_answer
from plait.fakes.gemini import ScriptedGemini, blocked, gemini_error, generated

KEY = "not-of-any-known-form-4711"
ASK = Ask("be an analyst", "what was said", response_schema())


@pytest.fixture
async def gemini() -> AsyncIterator[ScriptedGemini]:
    async with ScriptedGemini() as gemini:
        yield gemini


@pytest.fixture
async def provider(gemini: ScriptedGemini) -> AsyncIterator[Provider]:
    made = provider_of(settings(gemini.url))
    yield made
    await made.close()


def settings(url: str, **more: object) -> ProviderSettings:
    return ProviderSettings.model_validate({"gemini_api_key": KEY, "gemini_api_url": url, **more})


@pytest.mark.parametrize("behind", ["", "/", "/v1beta", "/v1beta/", "/v1beta/models", "/v1beta/models/"])
async def test_what_people_paste_behind_the_base_address(gemini: ScriptedGemini, behind: str) -> None:
    provider = provider_of(settings(gemini.url + behind, gemini_model_name="gemini-x"))
    answer = await provider.answer(ASK)
    Findings.model_validate_json(answer.text)
    (prompt,) = gemini.prompts
    assert (prompt.model, prompt.system, prompt.user) == ("gemini-x", "be an analyst", "what was said")
    assert (prompt.has_tools, prompt.config["responseMimeType"]) == (False, "application/json")
    assert prompt.config["responseSchema"]["required"] == response_schema()["required"]
    assert answer.total_tokens == answer.prompt_tokens + answer.completion_tokens
    assert answer.cost_usd is None, "of a model that no list knows"
    await provider.close()


async def test_its_own_counter(gemini: ScriptedGemini, provider: Provider) -> None:
    assert await provider.count("x" * 400) == 100
    gemini.counts.append(gemini_error(503, "UNAVAILABLE", "away"))
    with pytest.raises(ProviderError):
        await provider.count("x")


PASSING = {
    "too many": (gemini_error(429, "RESOURCE_EXHAUSTED", "Quota", retry_s=3.5), "429 RESOURCE_EXHAUSTED: Quota", 3.5),
    "too many, by a header": (json_answer({"error": {}}, 429, (("retry-after", "7"),)), "429", 7.0),
    "overloaded": (gemini_error(503, "UNAVAILABLE", "overloaded"), "503 UNAVAILABLE: overloaded", None),
    "broken": (gemini_error(500, "INTERNAL", "An error"), "500 INTERNAL", None),
    "a proxy's page": (raw_answer(b"<html>", "text/html", 502), "502", None),
    "no JSON": (raw_answer(b'{"candidates": [', "application/json"), "cannot be read", None),
    "another form": (json_answer({"candidates": 5}), "cannot be read", None),
    "too many, by an odd header": (json_answer({"error": {}}, 429, (("retry-after", "²"),)), "429", None),
    "details of another form": (json_answer({"error": {"details": 5}}, 429), "429", None),
    "too deep": (raw_answer(b"[" * 100_000, "application/json"), "cannot be read", None),
    "too long": (generated("x" * MOST_BYTES), "longer than 1 MiB", None),
    "packed": (json_answer({}, headers=(("content-encoding", "gzip"),)), "compressed", None),
    "nothing": (json_answer({}), "answered with nothing", None),
    "empty": (generated(""), "is empty", None),
    "cut": (generated("x").cut_every(10).ending("cut", 1), "cannot be reached", None),
}


@pytest.mark.parametrize(("answer", "says", "after"), PASSING.values(), ids=list(PASSING))
async def test_what_may_pass(
    gemini: ScriptedGemini, provider: Provider, answer: Answer, says: str, after: float | None
) -> None:
    gemini.next.append(answer)
    with pytest.raises(Unavailable) as raised:
        await provider.answer(ASK)
    assert says in str(raised.value)
    assert raised.value.after_s == after
    assert len(gemini.calls) == 1, "jobs are tried again, not calls"


async def test_silence_is_not_waited_for(gemini: ScriptedGemini) -> None:
    provider = provider_of(settings(gemini.url, analysis_timeout_s=0.3))
    gemini.next.append(generated("x").ending("hold", 0))
    with pytest.raises(Unavailable, match="did not answer in time"):
        await provider.answer(ASK)
    await provider.close()


ANOTHERS = "AIzaSyA1234567890abcdefghijklmnopqrstuv"
REFUSALS = {
    "bad request": (gemini_error(400, "INVALID_ARGUMENT", "Too many tokens"), "Too many tokens"),
    "bad key": (gemini_error(400, "INVALID_ARGUMENT", "API key not valid."), "Is GEMINI_API_KEY right?"),
    "no leave": (gemini_error(403, "PERMISSION_DENIED", "No"), "Is GEMINI_API_KEY right?"),
    "no such model": (gemini_error(404, "NOT_FOUND", "models/x"), "Is GEMINI_MODEL_NAME right?"),
    "blocked": (blocked(), "PROHIBITED_CONTENT"),
    "broken off": (generated("half", ended="SAFETY"), "SAFETY"),
    "bad key, quoted": (gemini_error(400, "INVALID_ARGUMENT", f"API key {KEY} not valid."), "API key [redacted"),
    "another's key, quoted": (gemini_error(403, "X", f"{ANOTHERS}, no"), "[redacted:api-keys], no"),
    "orders to a terminal": (gemini_error(400, "X", "a\x1b[2Jb\u202ec"), "a [2Jb c"),
    "at great length": (gemini_error(400, "INVALID_ARGUMENT", "x" * 9000), "…"),
}


@pytest.mark.parametrize(("answer", "says"), REFUSALS.values(), ids=list(REFUSALS))
async def test_what_will_not_pass(gemini: ScriptedGemini, provider: Provider, answer: Answer, says: str) -> None:
    gemini.next.append(answer)
    with pytest.raises(Refused) as raised:
        await provider.answer(ASK)
    assert says in str(raised.value)
    assert len(str(raised.value)) < 600
    assert KEY not in str(raised.value)
    assert ANOTHERS not in str(raised.value)


async def test_nobody_is_there(gemini: ScriptedGemini) -> None:
    provider = provider_of(settings("http://127.0.0.1:9"))
    with pytest.raises(Unavailable, match="cannot be reached"):
        await provider.answer(ASK)
    await provider.close()


@pytest.mark.parametrize(("told", "kept"), [(-5, 0), (10**15, 1_000_000_000)])
async def test_figures_are_none_that_a_table_could_not_hold(
    gemini: ScriptedGemini, provider: Provider, told: int, kept: int
) -> None:
    body = {"candidates": [{"content": {"parts": [{"text": "x"}]}}]}
    gemini.next.append(json_answer({**body, "usageMetadata": {"promptTokenCount": told, "totalTokenCount": told}}))
    answer = await provider.answer(ASK)
    assert (answer.prompt_tokens, answer.completion_tokens, answer.total_tokens) == (kept, 0, kept)


async def test_an_answer_cut_at_its_limit_is_worth_reading(gemini: ScriptedGemini, provider: Provider) -> None:
    gemini.next.append(generated('{"summary": "c', ended="MAX_TOKENS"))
    assert (await provider.answer(ASK)).text == '{"summary": "c'


async def test_without_a_key(gemini: ScriptedGemini) -> None:
    provider = provider_of(settings(gemini.url, gemini_api_key=""))
    with pytest.raises(Refused, match="GEMINI_API_KEY is not set"):
        await provider.answer(ASK)
    assert gemini.calls == []
