"""What is wrong in a file of prices, in words of that file."""

from __future__ import annotations

import re
from typing import Final

import msgspec

_PLACED: Final = re.compile(
    r"(?P<fault>.*?)(?: - at `\$\.?(?:price\[(?P<number>\d+)\]\.?)?(?P<name>[^`]*)`)?", re.DOTALL
)
_LACKED: Final = re.compile(r"Object missing required field (`.*`)")
_UNKNOWN: Final = re.compile(r"Object contains unknown field (`.*`)")
_MUST: Final = {
    "version": "must be a text of 1 to 100 characters",
    "price": "must be a list, with one [[price]] for each entry",
    "model": "must be a text that is not empty",
    "since": "must be a day, such as 2026-07-01",
    "until": "must be a day, such as 2026-12-31",
    "tier": "must be standard, priority or batch",
    "speed": "must be standard or fast",
    "geography": "must be a text",
    "long_prompt": "must be a table, such as {above = 200_000, input = 6.4}",
    "long_prompt.above": "must be a whole number of tokens, 1 or more",
}
_DOLLARS: Final = "must be a number of dollars"


def placed(error: msgspec.ValidationError) -> str:
    """Where the first fault is, and what it is: what is said behind the name of the file."""
    found = _PLACED.fullmatch(str(error))
    assert found
    where = f", [[price]] {int(found['number']) + 1}" if found["number"] else ""
    return f"{where}: {_fault(found['fault'], found['name'] or '', inside=bool(where))}"


def _fault(said: str, name: str, *, inside: bool) -> str:
    within = f" in `{name}`" if name else ""
    if lacked := _LACKED.fullmatch(said):
        return f"{lacked[1]} is missing{within}"
    if unknown := _UNKNOWN.fullmatch(said):
        return f"there is no {unknown[1]}{within}"
    if name and not said.startswith("`"):
        return f"`{name}` {_MUST.get(name, _DOLLARS)}"
    return "it must be a table" if inside and not said.startswith("`") else said
