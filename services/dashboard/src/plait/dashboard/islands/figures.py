"""The figures at the head of a conversation, or of one of its branches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from plait.common.queries.exchanges import ExchangeSummary
from plait.dashboard.islands.context import Context, context_of
from plait.dashboard.islands.times import Times, failures, spend
from plait.dashboard.islands.tree import is_side
from plait.dashboard.islands.words import between


@dataclass(frozen=True)
class Figures:
    """Of all exchanges that are shown, side calls too, unless told otherwise."""

    requests: int
    failed: int
    running: int
    messages: int
    """On the longest way: of the longest request that is no side call, and its answer."""
    tokens: int
    cost: float | None
    """Dollars; None: of none of them is the price known."""
    unpriced: int
    """Exchanges with tokens whose price is not known: `cost` is without them."""
    subscription: bool
    """Some of it is paid by a subscription: `cost` is what it would have cost."""
    context: Context | None
    """Of the newest turn that has ended."""
    subtasks: int
    lasted: float | None
    """Milliseconds from the first request to the end of the last answer."""
    times: Times


def figures_of(shown: Sequence[ExchangeSummary], now: datetime) -> Figures:
    """The figures of exchanges given oldest first; one that is running has taken the time until `now`."""
    turns = [one for one in shown if not is_side(one)]
    costs = [one.cost_usd for one in shown if one.cost_usd is not None]
    newest = next((one for one in reversed(turns) if one.total_tokens), None)
    return Figures(
        requests=len(shown),
        failed=failures(shown),
        running=sum(one.outcome is None for one in shown),
        messages=max((one.message_count + (one.outcome == "complete") for one in turns), default=0),
        tokens=sum(one.total_tokens for one in shown),
        cost=sum(costs) if costs else None,
        unpriced=sum(one.cost_usd is None and one.total_tokens > 0 for one in shown),
        subscription=any(one.subscription for one in shown),
        context=context_of(newest.total_tokens - newest.output_tokens, newest.model) if newest else None,
        subtasks=sum(one.link_kind == "spawn" for one in shown),
        lasted=_lasted(shown, now),
        times=spend(shown),
    )


def _lasted(shown: Sequence[ExchangeSummary], now: datetime) -> float | None:
    if not shown:
        return None
    began = shown[0].timestamp
    return max(between(began, one.timestamp) + _took(one, now) for one in shown)


def _took(one: ExchangeSummary, now: datetime) -> float:
    return max(between(one.timestamp, now), 0.0) if one.outcome is None else one.duration_ms or 0.0
