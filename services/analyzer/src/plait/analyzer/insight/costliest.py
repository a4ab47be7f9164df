"""The exchanges of a branch that cost most: figures, no model's word."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from plait.common.analysis import CostlyStep
from plait.common.queries.exchanges import ExchangeSummary

_MOST: Final = 5
_SHARE: Final = 0.01
"""Of the whole, below which a step is not worth a word."""


def costliest(exchanges: Sequence[ExchangeSummary]) -> list[CostlyStep]:
    """The few that cost most, the costliest first: by dollars where all prices are known, else by tokens."""
    used = [one for one in exchanges if one.total_tokens]
    priced = all(one.cost_usd is not None for one in used)
    costs = {one.request_id: (one.cost_usd or 0.0) if priced else float(one.total_tokens) for one in used}
    whole = sum(costs.values())
    ranked = sorted(used, key=lambda one: (-costs[one.request_id], one.timestamp, one.request_id))
    shares = [(one, costs[one.request_id] / whole) for one in ranked] if whole else []
    return [
        CostlyStep(request_id=str(one.request_id), tokens=one.total_tokens, why=_why(one, share, priced=priced))
        for one, share in shares[:_MOST]
        if share >= _SHARE
    ]


def _why(one: ExchangeSummary, share: float, *, priced: bool) -> str:
    parts = (
        (one.input_tokens, "new input"),
        (one.cache_creation_input_tokens, "written to the cache"),
        (one.cache_read_input_tokens, "read from the cache"),
        (one.output_tokens, "output"),
    )
    tokens = ", ".join(f"{count:,} {what}" for count, what in parts if count)
    cost = f" (${one.cost_usd:,.4f})" if one.cost_usd is not None else ""
    return f"{share:.0%} of the branch's {'cost' if priced else 'tokens'}{cost}. Tokens: {tokens}."
