"""Which refusals are tried again for a client, and after what pause."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plait.gateway.relay.fields import Fields
from plait.gateway.relay.retries import MOST_PAUSE, pause_before_retry


@pytest.mark.parametrize("status", [200, 204, 301, 400, 401, 403, 404, 413])
def test_what_is_no_servers_fault_is_not_tried_again(status: int) -> None:
    assert pause_before_retry(status, [], 1) is None


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504, 529])
@pytest.mark.parametrize("failures", range(1, 6))
def test_pauses_grow_and_are_spread(status: int, failures: int) -> None:
    pause = pause_before_retry(status, [], failures)
    assert pause is not None
    whole = min(0.5 * 2 ** (failures - 1), 8)
    assert whole * 0.75 <= pause <= whole


@pytest.mark.parametrize(
    ("value", "pause"),
    [(b"0", 0), (b"2", 2), (b"1.5", 1.5), (b"30", 30), (b"31", None), (b"86400", None), (b"inf", None)],
)
def test_claudes_word_goes_before_our_guess(value: bytes, pause: float | None) -> None:
    assert pause_before_retry(429, [(b"Retry-After", value)], 1) == pause


@pytest.mark.parametrize("value", [b"Wed, 21 Oct 2026 07:28:00 GMT", b"", b"-1", b"soon", b"nan", b"\xff"])
def test_a_word_that_is_no_number_is_none(value: bytes) -> None:
    pause = pause_before_retry(529, [(b"retry-after", value)], 1)
    assert pause is not None
    assert 0 < pause <= 0.5


def test_claude_may_say_no() -> None:
    assert pause_before_retry(500, [(b"x-should-retry", b"False")], 1) is None
    assert pause_before_retry(500, [(b"x-should-retry", b"true")], 1) is not None


@given(st.integers(100, 999), st.lists(st.tuples(st.just(b"retry-after"), st.binary(max_size=20))), st.integers(1, 5))
def test_no_pause_is_longer_than_a_client_would_wait(status: int, fields: Fields, failures: int) -> None:
    pause = pause_before_retry(status, fields, failures)
    assert pause is None or 0 <= pause <= MOST_PAUSE
