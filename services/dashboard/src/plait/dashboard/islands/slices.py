"""A long request is drawn in slices: the first with its page, the others as soon as the browser asks for them.

Until a slice is there a place as high as its messages may be keeps its room, so that nothing below it jumps.
"""

from __future__ import annotations

from typing import Final

_FIRST: Final = 60
"""Messages that are drawn with the page: they fill some screens."""
_SLICE: Final = 100


def first_of(count: int) -> range:
    """Places, from 0, of the messages that come with the page."""
    return range(min(count, _FIRST))


def rest_of(count: int) -> list[range]:
    """Places of those that come later, slice by slice."""
    return [range(at, min(at + _SLICE, count)) for at in range(_FIRST, count, _SLICE)]


def rest_from(count: int, place: int) -> list[range]:
    """The same as they are wanted: from the one with the message at `place` down, then from the top."""
    rest = rest_of(count)
    above = sum(one.stop <= place for one in rest)
    return [*rest[above:], *rest[:above]]
