"""The operator's own prices: a TOML file whose entries stand over the published list, or add to it.

    version = "contract of 2026"

    [[price]]
    model = "claude-opus-5-5*"       # `*` stands for anything
    since = 2026-07-01               # first day, UTC; all optional from here
    until = 2026-12-31               # last day
    tier = "batch"                   # of this service tier alone; also speed = "fast", geography = "us"
    input = 3.2                      # dollars a million tokens
    output = 16
    cache_write_5m = 4
    cache_write_1h = 6.4
    cache_read = 0.16
    web_search = 10                  # dollars a thousand searches
    long_prompt = {above = 200_000, input = 6.4, output = 24}

Of several entries for one exchange the last one holds. What an entry leaves out is what the list says.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from fnmatch import translate
from functools import cached_property
from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta, Struct, structs

from plait.common.errors import UserError
from plait.common.pricing.price_faults import placed
from plait.common.pricing.rates import Rate, Rates, Tariff

_RATES: Final = ("input", "output", "cache_write_5m", "cache_write_1h", "cache_read")
_MOST: Final = Decimal(1_000_000)


def _check(name: str, dollars: Decimal | None) -> None:
    if dollars is not None and not (dollars.is_finite() and 0 <= dollars <= _MOST):
        raise ValueError(f"`{name}` must be dollars from 0 to {_MOST:,}, not {dollars}")


class LongPrompt(Struct, frozen=True, forbid_unknown_fields=True):
    """Rates of runs with a prompt of more than so many tokens."""

    above: Annotated[int, Meta(gt=0)]
    input: Decimal | None = None
    output: Decimal | None = None
    cache_write_5m: Decimal | None = None
    cache_write_1h: Decimal | None = None
    cache_read: Decimal | None = None

    def __post_init__(self) -> None:
        for name in _RATES:
            _check(f"long_prompt.{name}", getattr(self, name))


class Entry(Struct, frozen=True, forbid_unknown_fields=True, dict=True, kw_only=True):
    """One `[[price]]`."""

    model: Annotated[str, Meta(min_length=1)]
    since: date | None = None
    until: date | None = None
    tier: Literal["standard", "priority", "batch"] = "standard"
    speed: Literal["standard", "fast"] = "standard"
    geography: str = "global"
    input: Decimal | None = None
    output: Decimal | None = None
    cache_write_5m: Decimal | None = None
    cache_write_1h: Decimal | None = None
    cache_read: Decimal | None = None
    web_search: Decimal | None = None
    long_prompt: LongPrompt | None = None

    def __post_init__(self) -> None:
        for name in (*_RATES, "web_search"):
            _check(name, getattr(self, name))
        for name in _RATES:
            if getattr(self, name) is None and getattr(self.long_prompt, name, None) is not None:
                raise ValueError(f"`long_prompt.{name}` needs `{name}`, the price of shorter prompts")

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """Which models it is for."""
        return re.compile(translate(self.model.lower()))

    def holds(self, model: str, tariff: Tariff) -> bool:
        """Whether it is for this model and tariff."""
        return self.is_under(tariff) and self.pattern.match(model.lower()) is not None

    def is_under(self, tariff: Tariff) -> bool:
        """Whether it is for this tariff."""
        return (
            (self.tier, self.speed, self.geography) == (tariff.tier, tariff.speed, tariff.geography)
            and (self.since is None or self.since <= tariff.day)
            and (self.until is None or tariff.day <= self.until)
        )

    def over(self, listed: Rates | None, version: str) -> Rates:
        """These prices, and what the list says where they say nothing."""
        given: dict[str, object] = {name: self._rate(name) for name in _RATES if getattr(self, name) is not None}
        if self.web_search is not None:
            given["web_search"] = self.web_search
        known = listed or Rates(model=self.model, version=version)
        return structs.replace(known, model=self.model, version=version, **given)

    def _rate(self, name: str) -> Rate:
        beyond = getattr(self.long_prompt, name) if self.long_prompt else None
        steps = ((self.long_prompt.above, beyond),) if self.long_prompt and beyond is not None else ()
        return Rate(getattr(self, name), steps)


class PriceFile(Struct, frozen=True, forbid_unknown_fields=True):
    """A file of prices."""

    version: Annotated[str, Meta(min_length=1, max_length=100)]
    """Kept with every cost that came from the file: change it with the prices."""
    price: list[Entry]

    def find(self, model: str, tariff: Tariff) -> Entry | None:
        """The entry that holds."""
        return next((entry for entry in reversed(self.price) if entry.holds(model, tariff)), None)


def read_price_file(path: Path) -> PriceFile:
    """The file's prices.

    Raises:
        UserError: it cannot be read, or says something that no price is; the message names the entry and the field.
    """
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
        return msgspec.convert(_dates(found), PriceFile)
    except OSError as error:
        raise UserError(f"PRICES_FILE {path} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError as error:
        raise UserError(f"PRICES_FILE {path} is no UTF-8: see byte {error.start}.") from None
    except tomllib.TOMLDecodeError as error:
        raise UserError(f"PRICES_FILE {path} is no TOML: {error}.") from None
    except msgspec.ValidationError as error:
        raise UserError(f"PRICES_FILE {path}{placed(error)}. docs/costs.md shows the format.") from None


def _dates(value: object) -> object:
    """The same with moments refused where days are meant: a datetime would pass for a date."""
    if isinstance(value, Mapping):
        return {name: _dates(held) for name, held in value.items()}
    if isinstance(value, list):
        return [_dates(held) for held in value]
    return value.isoformat() if isinstance(value, datetime) else value
