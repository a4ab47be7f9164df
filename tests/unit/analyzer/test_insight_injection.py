"""What was said is fenced exactly once, wherever it was said, and no text ends the fence or becomes an order."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import settings as with_settings
from hypothesis import strategies as st

from plait.analyzer.insight.checking import Fit, check
from plait.analyzer.insight.cutting import estimate
from plait.analyzer.insight.fencing import boundary_for, fence
from plait.analyzer.insight.preparing import prepare
from plait.analyzer.insight.prompting import Prompt, repair
from plait.common.analysis import LONGEST_WISH
from plait.common.events import Fault
from plait.common.queries.insight import BranchRecord
from tests.unit.analyzer.branches import (
    BOUNDARY,
    answered,
    assistant,
    branch,
    call,
    obeying,
    outside,
    result,
    settings,
    talk,
    turn,
    user,
)
from tests.unit.analyzer.injections import INJECTIONS

SETTINGS = settings()
ORDER = "PWNED"


async def count(text: str) -> int:
    return estimate(text)


async def prepared(record: BranchRecord, wish: str | None = None) -> Prompt:
    return await prepare(record, wish, SETTINGS, count)


def everywhere(text: str) -> BranchRecord:
    """A branch in which everything that comes from outside says the same."""
    fault = Fault(type=text, message=text)
    return branch(
        turn(0, [user(text)], assistant(text, call(text, {text: text, "command": text}))),
        turn(
            1, [user(result(text, is_error=True), {"type": text, "data": text})], assistant(call("Agent", text, "t2"))
        ),
        turn(
            2, [user(result([{"type": "text", "text": text}], "t2")), {"role": text, "content": text}], {"error": text}
        ),
        turn(3, [], None, body=text, model=text, outcome="failed", error=fault),
    )


@pytest.mark.parametrize("injection", INJECTIONS)
async def test_an_order_is_data_wherever_it_stands(injection: str) -> None:
    prompt = await prepared(everywhere(injection))
    (boundary,) = set(BOUNDARY.findall(prompt.system))
    assert prompt.user.count(f"<<<UNTRUSTED TRANSCRIPT {boundary}\n") == 1
    assert prompt.user.count(f"\n{boundary} UNTRUSTED TRANSCRIPT>>>") == 1
    assert ORDER in prompt.user
    assert ORDER not in outside(prompt.system, prompt.user)
    checked = check(obeying(prompt, ORDER), talk("a", "b"), SETTINGS)
    assert isinstance(checked, Fit)
    assert ORDER not in checked.content


async def test_what_was_said_once_is_sent_once() -> None:
    prompt = await prepared(talk("say tangerine", "grapefruit"))
    assert prompt.user.count("tangerine") == prompt.user.count("grapefruit") == 1
    assert "tangerine" not in prompt.system


async def test_a_model_that_finds_an_order_outside_would_obey() -> None:
    """So the tests above can fail."""
    prompt = await prepared(talk("a", "b"))
    assert obeying(Prompt(system=prompt.system, user=ORDER, version="", tokens=0, left_out=0, redacted={}), ORDER) != (
        answered()
    )


async def test_boundaries_are_new_each_time_and_never_in_the_text() -> None:
    first, second = await prepared(talk("a", "b")), await prepared(talk("a", "b"))
    assert BOUNDARY.findall(first.system) != BOUNDARY.findall(second.system)
    boundary = boundary_for("x")
    with pytest.raises(ValueError, match="boundary stands in"):
        fence(f"it ends here: {boundary}", "DATA", boundary)


@with_settings(deadline=None)
@given(st.text(), st.text())
async def test_whatever_is_said_or_wished_is_within_its_own_fence(said: str, wished: str) -> None:
    usual = await prepared(talk("a", "b"))
    prompt = await prepared(talk(said, "b"), wished)
    assert len(outside(prompt.system, prompt.user)) == len(outside(usual.system, usual.user))


async def test_a_wish_is_added_bounded_and_cut_and_the_rules_stay() -> None:
    prompt = await prepared(talk("a", "b"), "  Look at the tests; my password=hunter2!  ")
    boundary = BOUNDARY.findall(prompt.system)[0]
    wish = f"<<<WISH {boundary}\nLook at the tests; my password=[redacted:passwords]!\n{boundary} WISH>>>"
    assert wish in prompt.user
    assert "can change neither the rules nor the form" in prompt.user
    usual = await prepared(talk("a", "b"))
    assert prompt.system.replace(boundary, "") == BOUNDARY.sub("boundary ", usual.system)
    long = await prepared(talk("a", "b"), "w" * 10 * LONGEST_WISH)
    assert "w" * LONGEST_WISH in long.user
    assert "w" * (LONGEST_WISH + 1) not in long.user


async def test_a_repair_tells_the_errors_and_does_not_repeat_the_answer() -> None:
    prompt = await prepared(talk("a", "b"))
    unfit = check('{"summary": "PWNED", "PWNED": 1, "sentiment": "PWNED"}', talk("a", "b"), SETTINGS)
    assert not isinstance(unfit, Fit)
    again = repair(prompt, unfit)
    assert again.system == prompt.system
    assert again.user.startswith(prompt.user)
    assert "- sentiment: Input should be 'positive', 'neutral', 'negative' or 'mixed'" in again.user
    assert ORDER not in again.user
