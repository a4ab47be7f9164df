"""The prices that are in force: the operator's file over the published list."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from plait.common.pricing.listed import listed_models, listed_rates, open_list
from plait.common.pricing.price_file import PriceFile, read_price_file
from plait.common.pricing.rates import Rates, Tariff
from plait.common.usage import Usage

_MOST_KNOWN: Final = 10_000
"""Answers kept: models are named by clients, and so are without end."""

_Asked = tuple[str, Tariff]


class PriceBook:
    """Answers what a model's use is charged at."""

    def __init__(self, file: PriceFile | None = None) -> None:
        self._file = file
        self._known: dict[_Asked, Rates | None] = {}

    def rates(self, model: str, tariff: Tariff) -> Rates | None:
        """The rates of a model under a tariff; None when nobody tells them."""
        asked = (model, tariff)
        if asked not in self._known:
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            self._known[asked] = self._look_up(model, tariff)
        return self._known[asked]

    def all_rates(self, tariff: Tariff) -> list[Rates]:
        """The file's entries that hold under a tariff, later ones first, then the published models."""
        own = [entry for entry in reversed(self._file.price) if entry.is_under(tariff)] if self._file else []
        return [*(rates for entry in own if (rates := self._look_up(entry.model, tariff))), *listed_models(tariff)]

    def _look_up(self, model: str, tariff: Tariff) -> Rates | None:
        listed = listed_rates(model, tariff)
        entry = self._file.find(model, tariff) if self._file else None
        return entry.over(listed, self._file.version) if self._file and entry else listed


def price_book(path: Path | None) -> PriceBook:
    """The book with the operator's file, if there is one; everything is read here, so that no question waits for it.

    Raises:
        UserError: the file cannot be used.
    """
    open_list()
    return PriceBook(read_price_file(path.expanduser()) if path else None)


def tariff_of(usage: Usage, at: datetime) -> Tariff:
    """What the price of an exchange hangs on."""
    return Tariff(
        day=at.astimezone(UTC).date(),
        tier=usage.service_tier or "standard",
        speed=usage.speed or "standard",
        geography=usage.geography or "global",
    )
