"""Texts on the terminal: what clients and models said may not steer it.

Names of models, sessions, tools and the like are recorded as they came. In a terminal, control characters in them
would move the cursor, set the title or colour what stands beside them; marks of direction would turn a line round.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

import rich.console
from rich.console import ConsoleOptions, RenderableType
from rich.segment import Segment

_BREAKS: Final = re.compile(r"[\t\n]")
_STEERING: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""Control characters but for tab and line feed, marks that overrule a line's direction, and halves of surrogates."""


class Console(rich.console.Console):
    """As rich's, but it shows characters that would steer the terminal as escapes: `\\x1b`."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """The segments of something; those by which rich itself steers are left as they are."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else segment._replace(text=shown(segment.text))


def shown(text: str) -> str:
    """The text with escapes in place of what would steer a terminal."""
    return _STEERING.sub(_escaped, text)


def cell(value: object) -> str:
    """A value of a tab-separated line, which it can neither end nor divide."""
    return shown(_BREAKS.sub(_escaped, str(value)))


def _escaped(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode("ascii")
