"""The scripted Gemini says what the real one would: in the shapes of its API, an analysis that has the asked form."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plait.common.analysis import Findings
from plait.fakes.gemini import ScriptedGemini, gemini_error, generated
from plait.fakes.insight import analysis_of

GENERATE = "/v1beta/models/gemini-x:generateContent"
BODY = {
    "contents": [{"role": "user", "parts": [{"text": "what was said"}]}],
    "systemInstruction": {"parts": [{"text": "be an analyst"}]},
    "generationConfig": {"temperature": 0.2},
}


@pytest.fixture
async def gemini() -> AsyncIterator[ScriptedGemini]:
    async with ScriptedGemini() as gemini:
        yield gemini


@pytest.fixture
async def client(gemini: ScriptedGemini) -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(base_url=gemini.url, headers={"x-goog-api-key": "key"}, trust_env=False) as client:
        yield client


async def test_a_call_and_what_it_notes(gemini: ScriptedGemini, client: httpx2.AsyncClient) -> None:
    answer = (await client.post(GENERATE, json=BODY)).json()
    (candidate,) = answer["candidates"]
    assert candidate["finishReason"] == "STOP"
    Findings.model_validate_json(candidate["content"]["parts"][0]["text"])
    used = answer["usageMetadata"]
    parts = ("promptTokenCount", "candidatesTokenCount", "thoughtsTokenCount")
    assert used["totalTokenCount"] == sum(used[name] for name in parts)
    (prompt,) = gemini.prompts
    assert (prompt.model, prompt.system, prompt.user) == ("gemini-x", "be an analyst", "what was said")
    assert (prompt.config, prompt.has_tools) == ({"temperature": 0.2}, False)


async def test_the_script_goes_first(gemini: ScriptedGemini, client: httpx2.AsyncClient) -> None:
    gemini.next.extend([gemini_error(429, "RESOURCE_EXHAUSTED", "Quota", retry_s=1.5), generated("told")])
    refused = await client.post(GENERATE, json=BODY)
    assert (refused.status_code, refused.json()["error"]["status"]) == (429, "RESOURCE_EXHAUSTED")
    assert refused.json()["error"]["details"][0]["retryDelay"] == "1.5s"
    counted = await client.post("/v1beta/models/gemini-x:countTokens", json=BODY)
    assert counted.json()["totalTokens"] == len("what was said") // 4
    assert (await client.post(GENERATE, json=BODY)).json()["candidates"][0]["content"]["parts"] == [{"text": "told"}]


async def test_what_it_does_not_know(client: httpx2.AsyncClient) -> None:
    assert (await client.post("/v1/models/x:generateContent", json=BODY)).json()["error"]["status"] == "NOT_FOUND"
    keyless = await client.post(GENERATE, json=BODY, headers={"x-goog-api-key": ""})
    assert (keyless.status_code, keyless.json()["error"]["status"]) == (403, "PERMISSION_DENIED")


@given(st.text())
def test_what_it_makes_up_has_the_form_that_is_asked_for(prompt: str) -> None:
    made = Findings.model_validate(analysis_of(prompt))
    assert len(made.prompting_tips) >= 3
    assert sum(item.type == "prompt_improvement" for item in made.action_items) >= 2
