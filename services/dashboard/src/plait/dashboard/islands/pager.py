"""The links below a list: its pages by number, newer and older, and how many rows a page has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

NEAR = 1
"""Pages beside the present one that are named."""


@dataclass(frozen=True)
class Pager:
    """What `pager.html` draws."""

    first: int
    """Number of the first row shown."""
    shown: int
    total: int
    about: bool
    deep: bool
    """So far down that pages have no numbers."""
    numbers: Sequence[tuple[int | None, str | int | None]]
    """Pages and their addresses, None where some are left out."""
    number: int
    newer: str | None
    older: str | None
    sizes: Sequence[tuple[int, str]]
    size: int

    @property
    def last(self) -> int:
        """Number of the last row shown."""
        return self.first + self.shown - 1


def numbers(number: int, last: int) -> list[int | None]:
    """The pages to name of `last` ones: the first, the last, those around the present one; None for a gap."""
    wanted = sorted({1, last, *range(number - NEAR, number + NEAR + 1)} & set(range(1, last + 1)))
    named: list[int | None] = []
    for one, before in zip(wanted, [0, *wanted], strict=False):
        gap = one - before - 1
        named += [one - 1] if gap == 1 else [None] if gap else []
        named.append(one)
    return named
