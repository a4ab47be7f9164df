"""What a model's use is charged at."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import TypeAlias

from msgspec import Struct


class Tariff(Struct, frozen=True, gc=False):
    """Everything that a price may hang on beside the model."""

    day: date
    """Of the exchange, UTC: prices change at midnight UTC."""
    tier: str = "standard"
    """standard, priority or batch."""
    speed: str = "standard"
    """standard or fast."""
    geography: str = "global"
    """Where the model had to run."""


class Rate(Struct, frozen=True):
    """Dollars a million tokens. What a prompt longer than a step costs, all of its run costs."""

    base: Decimal
    steps: tuple[tuple[int, Decimal], ...] = ()
    """(prompt tokens, rate beyond), ascending."""

    def of(self, prompt: int) -> Decimal:
        """The rate of a run with a prompt of so many tokens."""
        found = self.base
        for above, rate in self.steps:
            if prompt > above:
                found = rate
        return found


MaybeRate: TypeAlias = "Rate | None"


class Rates(Struct, frozen=True, kw_only=True):
    """The rates of one model under one tariff; None: not known."""

    model: str
    """As the price list calls it."""
    version: str
    """Of the price list."""
    input: MaybeRate = None
    output: MaybeRate = None
    cache_write_5m: MaybeRate = None
    cache_write_1h: MaybeRate = None
    cache_read: MaybeRate = None
    web_search: Decimal | None = None
    """Dollars a thousand searches."""
