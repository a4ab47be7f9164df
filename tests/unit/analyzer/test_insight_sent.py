"""What a model is really sent, by the SDK of who serves it: data in one fence, and no tools."""

from __future__ import annotations

from typing import Any

from plait.analyzer.insight.checking import Fit, check
from plait.analyzer.insight.cutting import estimate
from plait.analyzer.insight.preparing import prepare
from plait.analyzer.providers import Ask, provider_of
from plait.analyzer.settings import ProviderSettings
from plait.common.analysis import response_schema
from plait.fakes.answers import Answer
from plait.fakes.gemini import ScriptedGemini, generated
from plait.fakes.ledger import Call
from tests.unit.analyzer.branches import (
    BOUNDARY,
    answered,
    assistant,
    branch,
    call,
    outside,
    result,
    settings,
    turn,
    user,
)
from tests.unit.analyzer.injections import INJECTIONS

ORDER = "PWNED"


class ObeyingGemini(ScriptedGemini):
    """Carries out what it finds outside of the fence."""

    def unscripted(self, call: Call) -> Answer:
        prompt = self.prompts[-1]
        return generated("As you wish: PWNED" if ORDER in outside(prompt.system, prompt.user) else answered())


async def count(text: str) -> int:
    return estimate(text)


def said(injection: str) -> Any:
    return branch(
        turn(0, [user(injection)], assistant(injection, call("WebFetch", {"url": injection}))),
        turn(1, [user(result(injection))], assistant(injection)),
    )


async def test_a_model_that_obeys_whatever_stands_outside_of_the_fence_finds_nothing_to_obey() -> None:
    async with ObeyingGemini() as gemini:
        asked = ProviderSettings.model_validate({"gemini_api_key": "key", "gemini_api_url": gemini.url})
        provider = provider_of(asked)
        for injection in INJECTIONS:
            record = said(injection)
            prompt = await prepare(record, None, settings(), count)
            answer = await provider.answer(Ask(prompt.system, prompt.user, response_schema()))
            checked = check(answer.text, record, settings())
            assert isinstance(checked, Fit), injection
            assert ORDER not in checked.content
        obeyed = await provider.answer(Ask("The boundary " + "0" * 32, ORDER, response_schema()))
        assert ORDER in obeyed.text, "it does obey"
        await provider.close()
        sent = gemini.prompts[:-1]
    assert len(sent) == len(INJECTIONS) == 50
    for one in sent:
        (boundary,) = set(BOUNDARY.findall(one.system))
        assert one.user.count(f"<<<UNTRUSTED TRANSCRIPT {boundary}\n") == 1
        assert one.user.count(f"\n{boundary} UNTRUSTED TRANSCRIPT>>>") == 1
        assert not one.has_tools
        assert one.config["responseSchema"]["type"] == "OBJECT"
    assert len({BOUNDARY.findall(one.system)[0] for one in sent}) == 50
