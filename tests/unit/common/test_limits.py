"""What headers tell of limits."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from plait.common.events import Header, ResponseData
from plait.common.limits import Warned, Whose, Window, is_subscription, told
from tests.exchange_events import START, asked, ended, said

FIVE_HOURS = Warned("allowed_warning", "five_hour")
UNIFIED = "anthropic-ratelimit-unified"
RESET = int(datetime(2026, 11, 21, 15, tzinfo=UTC).timestamp())


def answer(*headers: Header, status: int = 200) -> ResponseData:
    return structs.replace(
        ended(asked(said("user", "hi"))), headers=[("date", "today"), *headers], status=status, account_id="acc"
    )


def test_an_answer_without_such_headers_tells_nothing() -> None:
    assert told(answer()) is None
    assert not is_subscription(answer().headers)


def test_a_subscription_tells_its_windows() -> None:
    one = answer(
        (f"{UNIFIED}-Status", "allowed"),
        (f"{UNIFIED}-5h-status", "allowed"),
        (f"{UNIFIED}-5h-reset", str(RESET)),
        (f"{UNIFIED}-5h-utilization", "0.07"),
        (f"{UNIFIED}-7d_opus-reset", "2026-11-21T15:00:00Z"),
        (f"{UNIFIED}-7d-utilization", "0.3"),  # without an end it is no window
    )
    found = told(one)
    assert found
    assert is_subscription(one.headers)
    assert found.whose == Whose("acc", "a.test")
    assert (found.seen.at, found.seen.exchange_id) == (START + timedelta(milliseconds=100), one.exchange_id)
    assert found.values[f"{UNIFIED}-status"] == "allowed"
    at = datetime.fromtimestamp(RESET, UTC)
    assert found.windows == (Window("5h", at, Decimal("0.07"), "allowed"), Window("7d_opus", at, None, None))
    assert found.warned is None


def test_an_api_key_tells_what_it_may_send_a_minute() -> None:
    one = answer(("anthropic-ratelimit-requests-remaining", "3"))
    found = told(one)
    assert found
    assert not is_subscription(one.headers)
    assert (dict(found.values), found.windows) == ({"anthropic-ratelimit-requests-remaining": "3"}, ())


@pytest.mark.parametrize(
    ("headers", "status", "wanted"),
    [
        (
            [("status", "allowed_warning"), ("representative-claim", "five_hour")],
            200,
            Warned("allowed_warning", "five_hour"),
        ),
        ([("status", "rejected")], 429, Warned("rejected", None)),
        ([("status", "allowed"), ("7d-status", "allowed_warning")], 200, Warned("allowed_warning", "7d")),
        ([("status", "allowed"), ("overage-status", "rejected")], 200, None),
        ([], 429, Warned("429", None)),
        ([("status", "allowed")], 529, None),
    ],
)
def test_warnings_are_told(headers: list[Header], status: int, wanted: Warned | None) -> None:
    found = told(answer(*((f"{UNIFIED}-{name}", value) for name, value in headers), status=status))
    assert (found.warned if found else None) == wanted


NAMES = st.sampled_from(["status", "5h-status", "5h-reset", "5h-utilization", "-reset", "5h-", "x" * 300])


@given(st.lists(st.tuples(NAMES, st.text(max_size=40) | st.sampled_from(["9" * 40, "NaN", "1e999", "-1", "٣"]))))
def test_whatever_the_headers_say_is_read(headers: list[tuple[str, str]]) -> None:
    found = told(answer(*((f"{UNIFIED}-{name}", value) for name, value in headers)))
    if found:
        assert all("\0" not in value for value in found.values.values())
        assert all(window.ends_at.tzinfo for window in found.windows)


@pytest.mark.parametrize("share", ["1E+999999999", "-1E+999999999", "sNaN", "Infinity"])
def test_no_figure_is_too_large_to_be_passed_over(share: str) -> None:
    found = told(answer((f"{UNIFIED}-5h-reset", str(RESET)), (f"{UNIFIED}-5h-utilization", share)))
    assert found is not None
    assert [window.utilization for window in found.windows] == [None]
