"""Where the time of a conversation went: with the model, with tools, with the person."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from plait.common.queries.exchanges import ExchangeSummary

_FAILED: Final = frozenset({"failed", "interrupted", "rejected"})
_STARTS: Final = frozenset({"root", "continue", "branch", "fork", "interrupted"})

Stretch = tuple[datetime, datetime]


@dataclass(frozen=True)
class Times:
    """Milliseconds on the clock on the wall: what ran at the same time is counted once."""

    inference: float
    """From requests to the ends of their answers, side calls too."""
    tools: float
    """From answers that called tools to the requests that brought the results."""
    waiting: float
    """From answers that called none to the requests that followed."""


def spend(exchanges: Sequence[ExchangeSummary]) -> Times:
    """The times of the exchanges of one conversation or branch."""
    known = {e.request_id: e for e in exchanges}
    tools: list[Stretch] = []
    waiting: list[Stretch] = []
    for exchange in exchanges:
        parent = known.get(exchange.parent_request_id) if exchange.parent_request_id else None
        if parent is not None and exchange.link_kind == "continue":
            (tools if parent.tool_call_count else waiting).append((_end(parent), exchange.timestamp))
    return Times(_covered((e.timestamp, _end(e)) for e in exchanges), _covered(tools), _covered(waiting))


def failures(exchanges: Iterable[ExchangeSummary]) -> int:
    """How many did not end well; a client that left first is no failure."""
    return sum(e.outcome in _FAILED for e in exchanges)


def prompts(exchanges: Sequence[ExchangeSummary]) -> set[UUID]:
    """The turns that a person (or the program in their place) began: those that bring no results of tools.

    Tools that an answer called which was cut off are not run: what follows it is a person's.
    """
    calling = {e.request_id for e in exchanges if e.tool_call_count and e.outcome == "complete"}
    return {e.request_id for e in exchanges if e.link_kind in _STARTS and e.parent_request_id not in calling}


def _end(exchange: ExchangeSummary) -> datetime:
    return exchange.timestamp + timedelta(milliseconds=exchange.duration_ms or 0.0)


def _covered(stretches: Iterable[Stretch]) -> float:
    """Milliseconds that lie in at least one of them."""
    covered = timedelta()
    reached: datetime | None = None
    for start, end in sorted(stretches):
        begin = start if reached is None else max(start, reached)
        covered += max(end - begin, timedelta())
        reached = end if reached is None else max(end, reached)
    return covered / timedelta(milliseconds=1)
