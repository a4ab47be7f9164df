"""Halves of surrogate pairs: joined where both are there, replaced where one is, and never an error."""

from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plait.common.lenient import json_value, mended, unmended

TEXTS = st.text(st.characters(exclude_categories=[]))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXTS, lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner)
)


@given(VALUES)
def test_every_value_can_be_kept_afterwards(value: object) -> None:
    found = json_value(json.dumps(value).encode())
    assert msgspec.json.decode(msgspec.json.encode(found)) == found


@given(VALUES.filter(lambda value: "\\ud" not in json.dumps(value)))
def test_what_is_whole_stays_as_it_is(value: object) -> None:
    assert json_value(json.dumps(value).encode()) == value == mended(value)


def test_halves_that_meet_are_one_character() -> None:
    first, second = unmended('"a\\ud83d"'), unmended('"\\ude00"')
    assert mended([f"{first}{second}", first]) == ["a\U0001f600", "a\ufffd"]


@pytest.mark.parametrize("text", [b"", b"nothing", b"\xff", b"[" * 100_000, b'{"a": 1'])
def test_what_is_no_json_has_no_value(text: bytes) -> None:
    assert json_value(text) is None
