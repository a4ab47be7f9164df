"""Long texts made fit to show. What is cut is told, and stands whole under "Raw"."""

from __future__ import annotations

import re
from typing import Final

LONGEST: Final = 30_000
"""Characters of one block that a page shows."""
_LINE: Final = 160
_WHITE: Final = re.compile(r"\s+")


def clip(text: str) -> str:
    """The text, or its beginning and how much is missing."""
    if len(text) <= LONGEST:
        return text
    return f"{text[:LONGEST]}\n\n… {len(text) - LONGEST:,} more characters, under Raw."


def one_line(text: str, limit: int = _LINE) -> str:
    """The beginning of a text in one line."""
    line = _WHITE.sub(" ", text[: limit * 4]).strip()
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"
