"""Claude as the one that analyses: what is sent through the gateway, and what its answers mean to us."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from plait.analyzer.providers import Ask, Provider, Refused, Unavailable, provider_of
from plait.analyzer.providers.provider import MOST_BYTES
from plait.analyzer.settings import ProviderSettings
from plait.common.analysis import response_schema
from plait.fakes.answers import Answer, error_answer, json_answer, raw_answer
from plait.fakes.claude import ScriptedClaude

ASK = Ask("be an analyst", "what was said", response_schema())
USAGE = {"input_tokens": 100, "output_tokens": 20, "cache_read_input_tokens": 5, "cache_creation_input_tokens": None}


def message(*texts: str, **more: Any) -> Answer:
    content = [{"type": "thinking", "thinking": "hm"}, *({"type": "text", "text": text} for text in texts)]
    return json_answer({"type": "message", "role": "assistant", "content": content, "usage": USAGE, **more})


@pytest.fixture
async def gateway() -> AsyncIterator[ScriptedClaude]:
    async with ScriptedClaude() as gateway:
        yield gateway


@asynccontextmanager
async def asking(gateway: ScriptedClaude, **more: Any) -> AsyncIterator[Provider]:
    settings = {
        "analysis_provider": "claude",
        "analysis_claude_key": "client-key",
        "analysis_claude_domain": "work.example",
        "gateway_url": gateway.url + "/",
        **more,
    }
    made = provider_of(ProviderSettings.model_validate(settings))
    yield made
    await made.close()


@pytest.fixture
async def provider(gateway: ScriptedClaude) -> AsyncIterator[Provider]:
    async with asking(gateway) as made:
        yield made


async def test_what_is_sent_and_read(gateway: ScriptedClaude, provider: Provider) -> None:
    gateway.rules.append(lambda _: message('{"summary"', ': "s"}', stop_reason="end_turn"))
    answer = await provider.answer(ASK)
    assert answer.text == '{"summary": "s"}'
    assert (answer.prompt_tokens, answer.completion_tokens, answer.total_tokens) == (105, 20, 125)
    assert answer.cost_usd is not None
    (call,) = gateway.calls
    assert call.path == "/t/plait-analysis/v1/messages"
    assert (call.header("host"), call.header("x-api-key")) == ("work.example", "client-key")
    sent = call.json
    assert (sent["system"], sent["messages"]) == ("be an analyst", [{"role": "user", "content": "what was said"}])
    assert "tools" not in sent
    form = sent["output_config"]["format"]
    assert form["type"] == "json_schema"
    assert form["schema"]["additionalProperties"] is False
    assert "maximum" not in str(form["schema"])


async def test_its_own_counter(gateway: ScriptedClaude, provider: Provider) -> None:
    gateway.rules.append(lambda call: json_answer({"input_tokens": 7}) if "count_tokens" in call.path else None)
    assert await provider.count("what") == 7


@pytest.mark.parametrize(
    ("answer", "says", "after"),
    [
        (error_answer(529, "Overloaded"), "529", None),
        (error_answer(429, "Slow down", headers=(("retry-after", "4"),)), "429", 4.0),
        (raw_answer(b"<html>", "text/html"), "cannot be read", None),
        (json_answer({"content": []}), "cannot be read", None),
        (message(), "is empty", None),
        (message("x").cut_every(10).ending("cut", 1), "cannot be reached", None),
    ],
    ids=["overloaded", "too many", "a page", "another form", "empty", "cut"],
)
async def test_what_may_pass(
    gateway: ScriptedClaude, provider: Provider, answer: Answer, says: str, after: float | None
) -> None:
    gateway.rules.append(lambda _: answer)
    with pytest.raises(Unavailable, match=says) as raised:
        await provider.answer(ASK)
    assert raised.value.after_s == after


async def test_silence_may_pass(gateway: ScriptedClaude) -> None:
    gateway.rules.append(lambda _: message("x").ending("hold", 0))
    async with asking(gateway, analysis_timeout_s=0.5) as provider:
        with pytest.raises(Unavailable, match="did not answer in time"):
            await provider.answer(ASK)


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (error_answer(401, "No such key"), "Is ANALYSIS_CLAUDE_KEY right"),
        (error_answer(400, "max_tokens: too large"), "too large"),
        (message(stop_reason="refusal"), "refuses what it was sent"),
    ],
    ids=["key", "bad request", "refusal"],
)
async def test_what_will_not_pass(gateway: ScriptedClaude, provider: Provider, answer: Answer, says: str) -> None:
    gateway.rules.append(lambda _: answer)
    with pytest.raises(Refused, match=says):
        await provider.answer(ASK)


ODD = {
    "too long": (message("x" * MOST_BYTES), "longer than 1 MiB"),
    "too deep": (raw_answer(b'{"content":' + b"[" * 100_000, "application/json"), "cannot be read"),
    "packed": (json_answer({}, headers=(("content-encoding", "gzip"),)), "compressed"),
}


@pytest.mark.parametrize(("answer", "says"), ODD.values(), ids=list(ODD))
async def test_answers_are_bounded(gateway: ScriptedClaude, provider: Provider, answer: Answer, says: str) -> None:
    gateway.rules.append(lambda _: answer)
    with pytest.raises(Unavailable, match=says):
        await provider.answer(ASK)


async def test_figures_are_none_that_a_table_could_not_hold(gateway: ScriptedClaude, provider: Provider) -> None:
    gateway.rules.append(lambda _: message("x", usage={"input_tokens": 10**15, "output_tokens": -3}))
    answer = await provider.answer(ASK)
    assert (answer.prompt_tokens, answer.completion_tokens, answer.total_tokens) == (1_000_000_000, 0, 1_000_000_000)
