"""How long to wait before a job is tried again."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import timedelta
from typing import Final

_FACTOR: Final = 4
_LONGEST_S: Final = 600.0
_PATIENCE_S: Final = 24 * 3600.0
"""A provider that wants us to wait longer is asked after so long all the same."""
_JITTER: Final = 0.5


def pause(first_s: float, attempt: int, told_s: float | None, chance: Callable[[], float] = random.random) -> timedelta:
    """The pause after the attempt with this number, from 1: four times as long each time, plus up to a half by chance.

    Never shorter than what the provider told. By chance, so that many jobs do not all come back at one moment.
    """
    usual = min(first_s * _FACTOR ** (attempt - 1), _LONGEST_S)
    least = max(usual, min(told_s or 0.0, _PATIENCE_S))
    return timedelta(seconds=least + usual * _JITTER * chance())
