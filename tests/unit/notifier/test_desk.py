"""What is masked of long texts."""

from __future__ import annotations

from plait.notifier.composing import Desk
from plait.notifier.settings import Settings
from plait.notifier.wording import CUT

KEY = "sk-ant-api03-" + "Ab1_" * 20


def test_of_a_text_of_megabytes_no_more_is_looked_through_than_is_shown() -> None:
    masked = Desk(Settings()).masked(f"{KEY} and {'words ' * 1_000_000}")
    assert masked.startswith("[redacted:api-keys] and words")
    assert masked.endswith(f"\n{CUT}")
    assert len(masked) < 100_000


def test_other_texts_are_whole() -> None:
    assert Desk(Settings()).masked("Hello") == "Hello"
    assert Desk(Settings(notify_redact=False)).masked(KEY) == KEY
