"""Long texts made fit to show. What is cut is told, and can be had whole."""

from __future__ import annotations

import re
from typing import Final

from plait.dashboard.islands.unseen import written

LONGEST: Final = 30_000
"""Characters of one block that a page shows at once."""
LONG: Final = 4_000
"""Characters beyond which a block is shown folded."""
LONG_LINES: Final = 60
_LINE: Final = 160
_WHITE: Final = re.compile(r"\s+")


def clip(text: str) -> str:
    """The text, or its beginning, as far as a page shows it at once."""
    return written(text[:LONGEST])


def cut_off(text: str) -> int:
    """How many of its characters `clip` leaves out."""
    return max(len(text) - LONGEST, 0)


def is_long(text: str) -> bool:
    """Whether it would fill more than a screen."""
    return len(text) > LONG or text.count("\n") > LONG_LINES


def one_line(text: str, limit: int = _LINE) -> str:
    """The beginning of a text in one line."""
    line = _WHITE.sub(" ", written(text[: limit * 4])).strip()
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"
