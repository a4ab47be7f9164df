"""What is said: source code as clients send it, with words to search for in some of it."""

from __future__ import annotations

import random
from typing import Final

from tests.bench.growth import words
from tests.bench.history import COMMON, RARE

_COMMON_SHARE: Final = 0.2
_RARE_EVERY: Final = 5_000
"""Texts; an exchange brings two."""
_LONGEST: Final = 20_000


class Texts:
    """Texts of one conversation, no two alike."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance

    def prompt(self) -> str:
        """What somebody types."""
        return self._text(150)

    def answer(self) -> str:
        """What is said to it."""
        return self._text(250)

    def result(self) -> str:
        """What a tool gives."""
        return self._text(500)

    def _text(self, median: int) -> str:
        chance = self._chance
        size = max(20, min(_LONGEST, round(median * chance.lognormvariate(0, 0.9))))
        parts = [f"{chance.getrandbits(48):012x}"]
        if chance.random() < _COMMON_SHARE:
            parts.append(COMMON)
        if chance.randrange(_RARE_EVERY) == 0:
            parts.append(RARE)
        return f"{' '.join(parts)} {words(chance, size)}"
