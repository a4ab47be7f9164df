"""What a miss cost: what its tokens were charged at, less what reading them would have been."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Context, Decimal
from typing import Any, Final

from plait.common.pricing.book import PriceBook, tariff_of
from plait.common.pricing.rates import Rate, Rates
from plait.common.usage import Tokens, parse

_EXACT: Final = Context(prec=60)
_MILLION: Final = Decimal(1_000_000)


def cost_of_miss(
    book: PriceBook, usage: Mapping[str, Any], model: str | None, at: datetime, missed: int
) -> Decimal | None:
    """Dollars; None when a price that it needs is not known.

    What was missed was written to the cache again, as far as that much was written; the rest was plain input.
    """
    known = parse(dict(usage))
    rates = book.rates(model or "", tariff_of(known, at))
    return None if rates is None else _difference(rates, known.tokens, missed)


def _difference(rates: Rates, tokens: Tokens, missed: int) -> Decimal | None:
    five = min(missed, tokens.cache_creation_5m)
    hour = min(missed - five, tokens.cache_creation_1h)
    charged = ((rates.cache_write_5m, five), (rates.cache_write_1h, hour), (rates.input, missed - five - hour))
    paid = [_dollars(rate, count, tokens.prompt) for rate, count in charged if count]
    instead = _dollars(rates.cache_read, missed, tokens.prompt)
    if instead is None or None in paid:
        return None
    return _EXACT.subtract(sum((part for part in paid if part is not None), Decimal(0)), instead)


def _dollars(rate: Rate | None, count: int, prompt: int) -> Decimal | None:
    return None if rate is None else _EXACT.divide(_EXACT.multiply(rate.of(prompt), count), _MILLION)
