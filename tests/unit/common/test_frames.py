"""Frames: what stays is kept once, what moves beside it, and all of it comes back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plait.common.events import Header
from plait.common.frames import frame_of, headers_of, settings_of
from plait.common.packing import pack_json

text = st.text(st.characters(codec="latin-1"), max_size=20)
names = text | st.sampled_from(["date", "Date", "host", "request-id", "anthropic-ratelimit-tokens-reset"])


@given(st.lists(st.tuples(names, text)), st.dictionaries(text, st.none() | st.integers() | text))
def test_fields_and_settings_come_back(headers: list[Header], settings: dict[str, object]) -> None:
    frame, kept = frame_of(headers, settings)
    assert headers_of(frame.data, kept) == headers
    assert settings_of(frame.data) == settings


def test_two_turns_have_one_frame() -> None:
    first = [("host", "h"), ("Content-Length", "10"), ("x-stainless-retry-count", "0")]
    second = [("host", "h"), ("Content-Length", "999"), ("x-stainless-retry-count", "1")]
    assert frame_of(first, {"model": "m"})[0].hash == frame_of(second, {"model": "m"})[0].hash
    assert len(frame_of(first, {})[1]) < 20


@pytest.mark.parametrize("kept", [[], ["1", "2"]])
def test_values_that_do_not_belong_to_the_frame_are_damage(kept: list[str]) -> None:
    frame, _ = frame_of([("date", "now")], {})
    with pytest.raises(ValueError, match="header values are missing"):
        headers_of(frame.data, pack_json(kept))
