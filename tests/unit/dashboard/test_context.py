"""How full a context is."""

from __future__ import annotations

import pytest

from plait.dashboard.islands.context import Context, context_bar, context_of


@pytest.mark.parametrize(
    ("tokens", "level"), [(1, "good"), (140_000, "good"), (140_001, "near"), (180_001, "full"), (200_001, "over")]
)
def test_levels_follow_the_share_of_the_models_window(tokens: int, level: str) -> None:
    found = context_of(tokens, "claude-haiku-4-5-20251001")
    assert found == Context(tokens, 200_000, estimated=False)
    assert found.level == level


def test_a_large_window_is_known() -> None:
    found = context_of(500_000, "claude-opus-5-5")
    assert found
    assert (found.window, found.level) == (1_000_000, "good")


def test_a_model_that_is_not_listed_is_guessed_and_marked() -> None:
    html = context_bar(context_of(100_000, "nobody-knows-1"))
    assert "≈ 50%" in html
    assert "a guess: the model is not on the list" in html


@pytest.mark.parametrize("tokens", [None, 0])
def test_no_prompt_has_no_bar(tokens: int | None) -> None:
    assert context_of(tokens, "claude-opus-5-5") is None
    assert context_bar(None) == '<span class="none">–</span>'


def test_a_bar_is_never_longer_than_its_frame() -> None:
    html = context_bar(context_of(300_000, "claude-haiku-4-5"))
    assert "width: 100%" in html
    assert "<b>150%</b>" in html
    assert 'class="context over"' in html
