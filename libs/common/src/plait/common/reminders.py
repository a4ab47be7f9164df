"""`<system-reminder>` texts, which clients put between what people and tools say, and put in anew when they like."""

from __future__ import annotations

from typing import Final

_OPEN: Final = "<system-reminder>"
_CLOSE: Final = "</system-reminder>"


def without_reminders(text: str) -> str:
    """A text without them, nor the white space before each."""
    kept: list[str] = []
    at = 0
    while (begin := text.find(_OPEN, at)) >= 0 and (end := text.find(_CLOSE, begin)) >= 0:
        kept.append(text[at:begin].rstrip())
        at = end + len(_CLOSE)
    return "".join([*kept, text[at:]]) if kept else text
