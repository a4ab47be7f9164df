"""Tokens times rates, exactly."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Context, Decimal
from typing import Final

from msgspec import Struct

from plait.common.pricing.book import PriceBook, tariff_of
from plait.common.pricing.rates import Rate, Rates
from plait.common.usage import Tokens, Usage

_EXACT: Final = Context(prec=60)
"""The largest count times any rate has fewer digits."""
_PER_MILLION: Final = Decimal("1E-6")
_PER_THOUSAND: Final = Decimal("1E-3")
_NOTHING: Final = Decimal(0)


class Cost(Struct, frozen=True, kw_only=True, gc=False):
    """Dollars by part, and where the prices are from."""

    input: Decimal
    output: Decimal
    cache_5m: Decimal
    cache_1h: Decimal
    cache_read: Decimal
    tools: Decimal
    version: str
    """Of the price list, or of each that was asked."""
    models: str
    """The list's names of the models that were matched."""

    @property
    def total(self) -> Decimal:
        """All parts together."""
        return self.input + self.output + self.cache_5m + self.cache_1h + self.cache_read + self.tools


def cost_of(book: PriceBook, usage: Usage, model: str | None, at: datetime) -> Cost | None:
    """What an exchange cost that `model` answered and that began `at` some time; None when any price is unknown."""
    tariff = tariff_of(usage, at)
    found: list[Rates] = []
    parts = [_NOTHING] * 5
    for run in usage.runs:
        rates = book.rates(run.model or model or "", tariff)
        priced = _price(rates, run.tokens) if rates else None
        if rates is None or priced is None:
            return None
        found.append(rates)
        parts = [_EXACT.add(a, b) for a, b in zip(parts, priced, strict=True)] if len(usage.runs) > 1 else priced
    tools = _tools(book.rates(model or "", tariff) if usage.web_search_requests else None, usage.web_search_requests)
    return None if tools is None else _cost([*parts, tools], found)


def _price(rates: Rates, tokens: Tokens) -> list[Decimal] | None:
    """By part, in the order of `Cost`; None when there are tokens of a kind that has no price."""
    prompt = tokens.prompt
    parts = [
        _dollars(rates.input, tokens.input, prompt),
        _dollars(rates.output, tokens.output, prompt),
        _dollars(rates.cache_write_5m, tokens.cache_creation_5m, prompt),
        _dollars(rates.cache_write_1h, tokens.cache_creation_1h, prompt),
        _dollars(rates.cache_read, tokens.cache_read, prompt),
    ]
    known = [part for part in parts if part is not None]
    return known if len(known) == len(parts) else None


def _dollars(rate: Rate | None, count: int, prompt: int) -> Decimal | None:
    if not count:
        return _NOTHING
    return _EXACT.multiply(_EXACT.multiply(rate.of(prompt), count), _PER_MILLION) if rate else None


def _tools(rates: Rates | None, searches: int) -> Decimal | None:
    if not searches:
        return _NOTHING
    if rates is None or rates.web_search is None:
        return None
    return _EXACT.multiply(_EXACT.multiply(rates.web_search, searches), _PER_THOUSAND)


def _cost(parts: Sequence[Decimal], rates: Sequence[Rates]) -> Cost:
    asked, written, five, hour, read, tools = parts
    return Cost(
        input=asked,
        output=written,
        cache_5m=five,
        cache_1h=hour,
        cache_read=read,
        tools=tools,
        version=" + ".join(dict.fromkeys(one.version for one in rates)),
        models=" + ".join(dict.fromkeys(one.model for one in rates)),
    )
