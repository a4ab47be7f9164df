"""Answers as JSON, whatever the recorded bodies hold."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct

from plait.api.encoding import encode

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
)


class Body(Struct, rename="camel"):
    """A row with a body."""

    request_id: UUID
    began_at: datetime
    request_body: Any


ROW = {"requestId": "019aa4b6-0000-7000-8000-000000000000", "beganAt": "2026-11-21T12:00:00Z"}


def row(body: Any) -> Body:
    return Body(UUID(ROW["requestId"]), datetime(2026, 11, 21, 12, tzinfo=UTC), body)


@given(JSON)
def test_any_json_value(value: Any) -> None:
    assert json.loads(encode(row(value))) == ROW | {"requestBody": value}


@pytest.mark.parametrize("value", ["\ud800", {"\udfff": "a"}, 2**64, -(2**200), [{"deep": ["é\ud83d", 10**30]}]])
def test_what_the_fast_encoder_refuses(value: Any) -> None:
    assert json.loads(encode(row(value))) == ROW | {"requestBody": value}
