"""Words of notices: texts cut to size, figures for people. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

MOST_LINES: Final = 20
MOST_CHARACTERS: Final = 3000
CUT: Final = "... (truncated)"
_ONE_LINE: Final = 150
_CENT: Final = Decimal("0.01")


def cut(text: str, *, lines: int = MOST_LINES, characters: int = MOST_CHARACTERS) -> str:
    """At most so many lines and characters of a text; what was cut is followed by a line that says so."""
    kept = "\n".join(text.split("\n", lines)[:lines])[:characters]
    return text if kept == text else f"{kept.rstrip()}\n{CUT}"


def one_line(text: str, most: int = _ONE_LINE) -> str:
    """A text in one line of at most `most` characters."""
    line = " ".join(text[: 20 * most].split())
    return line if len(line) <= most else f"{line[: most - 1]}…"


def dollars(cost: Decimal) -> str:
    """As precise as it matters: four digits below a cent."""
    return f"${cost:,.4f}" if 0 < cost < _CENT else f"${cost:,.2f}"


def percent(share: Decimal) -> str:
    """0.805 as `80 %`: what is not reached is not said to be."""
    return f"{int(share * 100)} %"


def span(length: timedelta) -> str:
    """Roughly how long: `2 h 5 min`."""
    minutes = max(0, int(length.total_seconds() // 60))
    days, hours, minutes = minutes // 1440, minutes // 60 % 24, minutes % 60
    parts = [(days, "d"), (hours, "h"), (minutes, "min")]
    shown = [f"{count} {unit}" for count, unit in parts if count][:2]
    return " ".join(shown) or "less than a minute"


def moment(at: datetime) -> str:
    """A time of day with its zone's name."""
    return f"{at:%Y-%m-%d %H:%M %Z}"
