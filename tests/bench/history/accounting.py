"""What the ledger would have written: usage at made-up prices, tool calls, limits and warnings."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

import msgspec

from tests.bench.history import DAYS
from tests.bench.history.people import accounts
from tests.bench.history.told import Answered, Call, Result, Spent, Told

Row = tuple[Any, ...]
_MILLION: Final = 1_000_000
_INPUT_PRICES: Final = {"claude-opus-4-5": 5, "claude-sonnet-4-5": 3, "claude-haiku-4-5": 1}
"""Dollars a million tokens; a model that is not here has no price."""
_SHARES: Final = tuple(map(Decimal, ("1", "5", "1.25", "2", "0.1")))
"""Of the price of input: input, output, cache writes for 5 minutes and an hour, cache reads."""
_SEARCH: Final = Decimal("0.01")
_PER_TOKEN: Final = {
    model: tuple(share * price / _MILLION for share in _SHARES) for model, price in _INPUT_PRICES.items()
}
_WINDOW: Final = timedelta(hours=5)
_EDITS: Final = frozenset({"Edit", "MultiEdit", "Write"})


def usage_row(told: Told, answered: Answered, spent: Spent) -> Row:
    """A row of `usage`."""
    person, asked = told.person, told.asked
    return (
        told.id, person.domain, person.account_id, asked.model, told.at, True, asked.kind, asked.request_type,
        person.key_name, person.tag, told.agent_type, spent.input, spent.output, spent.cache_read,
        spent.cache_5m + spent.cache_1h, spent.cache_5m, spent.cache_1h, spent.searches, 0, "standard",
        person.subscribed, answered.outcome != "complete", msgspec.json.encode(reported(spent)).decode(),
        *_cost(asked.model, spent),
    )  # fmt: skip


def reported(spent: Spent) -> dict[str, Any]:
    """The usage object as the provider sends it."""
    lifetimes = {"ephemeral_5m_input_tokens": spent.cache_5m, "ephemeral_1h_input_tokens": spent.cache_1h}
    tools = {"server_tool_use": {"web_search_requests": spent.searches}} if spent.searches else {}
    return {
        "input_tokens": spent.input, "output_tokens": spent.output, "cache_read_input_tokens": spent.cache_read,
        "cache_creation_input_tokens": spent.cache_5m + spent.cache_1h, "cache_creation": lifetimes,
        "service_tier": "standard", **tools,
    }  # fmt: skip


def _cost(model: str | None, spent: Spent) -> Row:
    prices = _PER_TOKEN.get(model or "")
    if prices is None:
        return (*[None] * 7, "made up", None)
    tokens = (spent.input, spent.output, spent.cache_5m, spent.cache_1h, spent.cache_read)
    parts = (*(price * count for price, count in zip(prices, tokens, strict=True)), _SEARCH * spent.searches)
    return (sum(parts), *parts, "made up", model)


def warning_row(told: Told) -> Row:
    """A row of `limit_warnings`: it was refused because of a limit."""
    return (told.id, told.person.account_id, told.person.domain, told.ended_at, "429")


class Calls:
    """Tool calls between the answer that calls and the request that brings the result."""

    def __init__(self) -> None:
        self._open: dict[str, tuple[Told, Call]] = {}

    def called(self, told: Told, answered: Answered) -> None:
        """These wait for their results."""
        for call in answered.calls:
            self._open[call.id] = (told, call)

    def returned(self, told: Told) -> list[Row]:
        """Rows of `tool_calls` whose results this request brings; one that was sent before has no call open."""
        return [
            _call_row(*self._open.pop(one.call.id), told, one)
            for one in told.asked.results
            if one.call.id in self._open
        ]

    def open(self) -> list[Row]:
        """Rows of those whose result was never sent."""
        return [_call_row(told, call, None, None) for told, call in self._open.values()]


def _call_row(caller: Told, call: Call, bringer: Told | None, result: Result | None) -> Row:
    lines = (len(call.id) % 7 + 2, 1) if call.name in _EDITS else (None, None)
    return (
        UUID(hex=call.id.removeprefix("toolu_").rjust(32, "0")), caller.person.domain, caller.id,
        caller.person.account_id, call.name, caller.ended_at, *lines, bringer and bringer.id, bringer and bringer.at,
        result and result.is_error,
    )  # fmt: skip


def limit_rows(end: datetime) -> Iterator[Row]:
    """Rows of `account_limits`: what answers said last."""
    for domain, account in accounts():
        said = {
            "unified-status": "allowed",
            "unified-5h-utilization": "0.42",
            "unified-5h-reset": f"{end.timestamp():.0f}",
        }
        for name, value in said.items():
            yield account, domain, f"anthropic-ratelimit-{name}", value, end, UUID(int=0)


def window_rows(end: datetime) -> Iterator[Row]:
    """Rows of `limit_windows`: one after the other, for as long as the history goes back."""
    for domain, account in accounts():
        for number in range(DAYS * 4):
            ends = end + timedelta(hours=1) - number * timedelta(hours=6)
            seen = (ends - _WINDOW, min(end, ends))
            yield account, domain, "5h", ends, *seen, Decimal(number % 100) / 100, "allowed"
