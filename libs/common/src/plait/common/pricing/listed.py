"""The published price list: `genai-prices`, as the pinned version ships it. It is never fetched at run time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, time
from decimal import Decimal
from functools import cache
from importlib.metadata import version
from typing import Any, Final

from genai_prices.data_snapshot import get_snapshot
from genai_prices.types import ModelInfo, ModelPrice, PriceVariant, Provider, TieredPrices

from plait.common.pricing.rates import Rate, Rates, Tariff

RELEASED: Final = "2026-11-10"
"""When the pinned version of the list was released."""
VERSION: Final = f"genai-prices {version('genai-prices')} ({RELEASED})"

_PROVIDER: Final = "anthropic"
_AT_LIST_PRICE: Final = frozenset({"standard", "priority"})
"""Priority capacity is bought by contract: its tokens are shown at the list price."""
_EVERYWHERE: Final = frozenset({"global", "not_available"})


def open_list() -> None:
    """Read the list, which takes a fifth of a second: whoever does so before the first question answers all at once."""
    _provider()


def listed_rates(model: str, tariff: Tariff) -> Rates | None:
    """What the list says about a model under a tariff; None when it does not know one of the two."""
    found = _provider().find_model(model)
    if found is None or tariff.geography not in _EVERYWHERE:
        return None
    context = _context(tariff)
    if not _knows(found, tariff, context):
        return None
    return _rates(found, found.get_prices(_moment(tariff), context))


def listed_models(tariff: Tariff) -> Iterator[Rates]:
    """All models of the list that have a price under a tariff."""
    context = _context(tariff)
    for model in _provider().models:
        if _knows(model, tariff, context):
            yield _rates(model, model.get_prices(_moment(tariff), context))


@cache
def listed_window(model: str) -> int | None:
    """How many tokens a model's context holds, as the list has it; None when it does not know the model."""
    found = _provider().find_model(model)
    return found.context_window if found else None


@cache
def _provider() -> Provider:
    return next(one for one in get_snapshot().providers if one.id == _PROVIDER)


def _context(tariff: Tariff) -> dict[str, str]:
    """What the list's variants ask for; empty for the usual price."""
    asked = {} if tariff.tier in _AT_LIST_PRICE else {"processing": tariff.tier}
    return asked if tariff.speed == "standard" else {**asked, "speed": tariff.speed}


def _knows(model: ModelInfo, tariff: Tariff, context: dict[str, str]) -> bool:
    """Whether the list has a variant for just what is asked: without one it would answer with the usual price."""
    return not context or any(variant.when == context for variant in _active(model.price_variants or (), tariff))


def _active(variants: Iterable[PriceVariant], tariff: Tariff) -> Iterator[PriceVariant]:
    moment = _moment(tariff)
    return (one for one in variants if one.constraint is None or one.constraint.active(moment))


def _moment(tariff: Tariff) -> datetime:
    return datetime.combine(tariff.day, time(12), UTC)


def _rates(model: ModelInfo, price: ModelPrice) -> Rates:
    web_search = price.web_searches_kcount
    return Rates(
        model=model.id,
        version=VERSION,
        input=_rate(price.input_mtok),
        output=_rate(price.output_mtok),
        cache_write_5m=_rate(price.cache_write_5m_mtok or price.cache_write_mtok),
        cache_write_1h=_rate(price.cache_write_1h_mtok),
        cache_read=_rate(price.cache_read_mtok),
        web_search=web_search if isinstance(web_search, Decimal) else None,
    )


def _rate(price: Any) -> Rate | None:
    if isinstance(price, TieredPrices):
        return Rate(price.base, tuple((tier.start, tier.price) for tier in price.tiers))
    return Rate(price) if isinstance(price, Decimal) else None
