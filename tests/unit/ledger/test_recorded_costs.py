"""The recorded samples: what the ledger reads off each answer against a reader of its own, and what all of it costs."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import structs

from plait.common.folding import fold
from plait.common.pricing.book import PriceBook
from plait.ledger.rows import Used, used
from tests.unit.ledger.test_costs_by_hand import answer

RECORDED: Final = Path(__file__).parents[3] / "samples" / "recorded"
FIGURES: Final = ("input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
PER_MILLION: Final = {
    "claude-opus-5-5": ("4", "20", "0.20", "5"),
    "claude-sonnet-5-5": ("2", "10", "0.10", "2.50"),
    "claude-sonnet-5": ("2", "10", "0.20", "2.50"),
    "claude-sonnet-4-5": ("3", "15", "0.30", "3.75"),
    "claude-haiku-5-5": ("0.10", "0.50", "0.01", "0.125"),
}
"""Input, output, cache read, and cache written for five minutes, as none of the samples is for an hour."""


def files() -> Iterator[dict[str, Any]]:
    for path in sorted(RECORDED.glob("*/*.json")):
        yield json.loads(path.read_text(encoding="utf-8"))


def told(one: dict[str, Any]) -> tuple[str, dict[str, int]] | None:
    """The model and the figures of an answer, read line by line: the last that was said of each."""
    response = one["response"]
    if not response.get("sse"):
        body = response.get("body")
        message = body if isinstance(body, dict) else {}
        return (message["model"], message["usage"]) if message.get("usage") else None
    model: str | None = None
    figures: dict[str, int] = {}
    *whole, _ = response["sse"].split("\n")  # the last line of a stream that was cut is none
    for line in whole:
        event = json.loads(line[5:]) if line.startswith("data:") else {}
        message = event.get("message") or {}
        model = message.get("model") or model
        figures |= {
            k: v for k, v in {**(message.get("usage") or {}), **(event.get("usage") or {})}.items() if v is not None
        }
    return (model, figures) if model and figures else None


def accounted(one: dict[str, Any]) -> Used | None:
    """The same by the shipper's folding and the ledger's reading."""
    response = one["response"]
    body = response.get("body")
    message = fold(response["sse"].encode()).message if response.get("sse") else body
    reported = message.get("usage") if isinstance(message, dict) else None
    model = message.get("model") if isinstance(message, dict) else None
    ended = structs.replace(answer(model, None), started_at=datetime.fromtimestamp(one["t"], UTC))
    usage = msgspec.Raw(msgspec.json.encode(reported)) if reported else msgspec.UNSET
    return used(structs.replace(ended, usage=usage), PriceBook())


def test_the_samples_cost_what_their_figures_come_to() -> None:
    tokens: Counter[str] = Counter()
    dollars, wanted, reported = Decimal(0), Decimal(0), 0
    for one in files():
        found, read = accounted(one), told(one)
        assert (found is None) == (read is None), one["seq"]
        if found is None or read is None:
            continue
        reported += 1
        model, figures = read
        usage = found.usage.tokens
        mine = (usage.input, usage.output, usage.cache_read, usage.cache_creation)
        assert mine == tuple(figures.get(name, 0) for name in FIGURES)
        tokens.update(dict(zip(FIGURES, mine, strict=True)))
        rates = map(Decimal, PER_MILLION[model])
        wanted += sum((rate * count for rate, count in zip(rates, mine, strict=True)), Decimal(0)) / 1_000_000
        assert found.cost
        dollars += found.cost.total
    assert dollars == wanted
    assert reported == 112
    assert tuple(tokens[name] for name in FIGURES) == (3024, 5695, 892327, 402894)
    assert dollars == Decimal("2.19873525")
