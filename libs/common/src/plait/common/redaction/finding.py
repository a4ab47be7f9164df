"""What looks for one thing in a text: a pattern, and a second look at what it matched."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Final

from msgspec import Struct

Span = tuple[int, int]
Look = Callable[[re.Match[str]], "Span | None"]

TAKEN: Final = "taken"
"""Name of the group that is taken out, where it is not the whole match."""
ESCAPED: Final = r"(?<=\\[nrtbf])|(?<=\\u[0-9a-fA-F]{4})"
"""Behind a character as JSON writes it: the last letter of that is none of the text."""
START: Final = rf"(?:(?<![\w-])|{ESCAPED})"
"""Where a word begins."""


def whole(match: re.Match[str]) -> Span:
    """Everything that was matched."""
    return match.span()


def group(match: re.Match[str]) -> Span:
    """The group `taken`."""
    return match.span(TAKEN)


class Finder(Struct, frozen=True):
    """Finds one thing."""

    pattern: re.Pattern[str]
    look: Look = whole
    """What of a match is to be taken out; None: nothing, it only looks like one."""
    hints: tuple[str, ...] = ()
    """One of these is in every text that has a match: most texts have none of them, and are not looked through."""

    def spans(self, text: str) -> Iterator[Span]:
        """Where it is, first to last."""
        if self.hints and not any(hint in text for hint in self.hints):
            return
        for match in self.pattern.finditer(text):
            if span := self.look(match):
                yield span
