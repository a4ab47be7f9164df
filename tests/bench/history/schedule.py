"""When conversations begin and how long they are."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import accumulate
from typing import Final

from tests.bench.history import DAYS

LONG: Final = ((10_000, 2_000), (100_000, 5_000))
"""A history of so many exchanges has a conversation of so many."""
_LONGEST: Final = 500
_BY_HOUR: Final = (3, 2, 1, 1, 1, 2, 5, 12, 25, 40, 45, 42, 34, 38, 44, 45, 42, 36, 26, 18, 14, 11, 8, 5)
_WEEKEND: Final = 0.2


@dataclass(frozen=True)
class Slot:
    """One conversation to be told."""

    number: int
    start: datetime
    size: int
    """Its exchanges."""


def schedule(seed: int, exchanges: int, end: datetime) -> list[Slot]:
    """Conversations that come to so many exchanges in the 90 days before `end`, in the order of their starts."""
    chance = random.Random(seed)
    sizes = list(_sizes(chance, exchanges))
    hours = [end - timedelta(hours=n) for n in range(24 * DAYS, 0, -1)]
    weights = list(accumulate(_busy(hour) for hour in hours))
    begun = [_start(chance, hours, weights, size, end) for size in sizes]
    order = sorted(zip(begun, sizes, strict=True))
    return [Slot(number, start, size) for number, (start, size) in enumerate(order)]


def _sizes(chance: random.Random, exchanges: int) -> Iterator[int]:
    left = exchanges
    for least, size in LONG:
        if exchanges >= least:
            yield size
            left -= size
    while left:
        size = min(left, _size(chance))
        yield size
        left -= size


def _size(chance: random.Random) -> int:
    """One in three is a question or two, half are a quarter of an hour's work, some a day's."""
    kind = chance.random()
    if kind < 0.35:
        return chance.randint(1, 3)
    median = 12 if kind < 0.8 else 60
    return max(1, min(_LONGEST, round(median * chance.lognormvariate(0, 0.8))))


def _busy(hour: datetime) -> float:
    return _BY_HOUR[hour.hour] * (_WEEKEND if hour.weekday() >= 5 else 1)


def _start(chance: random.Random, hours: list[datetime], weights: list[float], size: int, end: datetime) -> datetime:
    """A long one begins early enough to end in time."""
    begins = chance.choices(hours, cum_weights=weights)[0] + timedelta(seconds=3600 * chance.random())
    return min(begins, end - timedelta(seconds=min(45 * size, 80 * 86_400)))
