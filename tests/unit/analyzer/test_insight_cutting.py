"""Too long a conversation: its first messages, a marker, its last ones, then exactly as much as fits."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest
from hypothesis import given
from hypothesis import settings as with_settings
from hypothesis import strategies as st

from plait.analyzer.insight.cutting import Cut, estimate, fit
from plait.analyzer.insight.preparing import prepare
from tests.unit.analyzer.branches import settings, talk


class Counter:
    """Counts tokens as `by` does, and how often it was asked."""

    def __init__(self, by: Callable[[str], int] = estimate) -> None:
        self.by = by
        self.asked = 0

    async def __call__(self, text: str) -> int:
        self.asked += 1
        return self.by(text)


def messages(count: int, size: int = 100) -> list[str]:
    return [f"<{n}>" + "x" * (size - len(f"<{n}>")) for n in range(count)]


def fitted(told: list[str], most: int, count: Callable[[str], Awaitable[int]]) -> Awaitable[Cut]:
    return fit(told, most, count, first=5, last=20)


async def test_what_fits_stays_and_what_is_sure_to_is_not_counted() -> None:
    counter = Counter()
    cut = await fitted(messages(3), 1000, counter)
    assert cut == Cut("\n\n".join(messages(3)), estimate("\n\n".join(messages(3))), 0)
    assert counter.asked == 0
    assert (await fitted(messages(3), 200, counter)).text == cut.text
    assert counter.asked == 1


async def test_too_long_ones_keep_the_first_five_and_the_last_twenty() -> None:
    told = messages(100)
    cut = await fitted(told, 1000, Counter())
    assert cut.text == "\n\n".join([*told[:5], "[… 75 messages left out here …]", *told[80:]])
    assert cut.left_out == 75
    assert cut.tokens == estimate(cut.text) <= 1000


@pytest.mark.parametrize(
    "by", [estimate, len, lambda text: len(text.split()) + len(text) // 7, lambda text: len(text) * 2]
)
@pytest.mark.parametrize(("count", "size"), [(100, 1000), (1, 90_000), (25, 3000), (7, 2000)])
async def test_still_too_long_ones_lose_their_middle_as_exactly_as_the_counter_counts(
    by: Callable[[str], int], count: int, size: int
) -> None:
    counter = Counter(by)
    cut = await fitted(messages(count, size), 500, counter)
    assert by(cut.text) == cut.tokens <= 500
    assert cut.tokens >= 490
    assert cut.text.startswith("<0>xx")
    assert cut.text.endswith("xx")
    assert "characters left out here" in cut.text
    assert counter.asked <= 22


@with_settings(deadline=None)
@given(st.lists(st.text(max_size=300), min_size=1, max_size=60), st.integers(60, 2000))
async def test_no_cut_has_more_tokens_than_allowed(told: list[str], most: int) -> None:
    cut = await fitted(told, most, Counter())
    assert estimate(cut.text) == cut.tokens <= most


async def test_of_a_whole_prompt_no_more_is_sent_than_the_settings_allow() -> None:
    record = talk(*["word " * 4000] * 8)
    counter = Counter()
    prompt = await prepare(record, "a wish", settings(analysis_max_input_tokens=6000), counter)
    assert estimate(prompt.system + prompt.user) <= prompt.tokens <= 6000
    assert prompt.tokens > 5900
    short = await prepare(talk("a", "b"), None, settings(), counter)
    assert short.left_out == 0
    assert short.tokens == pytest.approx(estimate(short.system + short.user), abs=3)


async def test_kept_messages_are_a_setting() -> None:
    few = settings(analysis_max_input_tokens=4000, analysis_first_messages=1, analysis_last_messages=2)
    prompt = await prepare(talk(*[f"<{n}> " + "word " * 200 for n in range(40)]), None, few, Counter())
    assert prompt.left_out == 37
    assert [n for n in range(40) if f"<{n}>" in prompt.user] == [0, 38, 39]
