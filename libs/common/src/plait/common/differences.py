"""What differs between two lists, and between two texts. Pure.

Exact while that is quick; of long runs that differ throughout, whole runs.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from difflib import SequenceMatcher
from typing import Final, Literal, NamedTuple

_MOST_PAIRS: Final = 1_000_000
"""Pairs of items that are compared with one another, for a second at worst: the matcher's time grows with the number of
matches too. What is alike at both ends is not among them."""
_CONTEXT: Final = 3
"""Equal lines shown around a change."""


class Change(NamedTuple):
    """A run of the first list, and what stands in its place in the second: items `a` to `a_end`, and `b` to `b_end`."""

    a: int
    a_end: int
    b: int
    b_end: int


def changes(before: Sequence[Hashable], after: Sequence[Hashable]) -> list[Change]:
    """The runs that differ, in order."""
    head = _alike(zip(before, after, strict=False))
    rest = min(len(before), len(after)) - head
    tail = min(rest, _alike(zip(reversed(before), reversed(after), strict=False)))
    a_end, b_end = len(before) - tail, len(after) - tail
    if (a_end - head) * (b_end - head) > _MOST_PAIRS:
        return [Change(head, a_end, head, b_end)]
    opcodes = SequenceMatcher(None, before[head:a_end], after[head:b_end]).get_opcodes()
    return [Change(*(head + place for place in places)) for tag, *places in opcodes if tag != "equal"]


def unified(before: Sequence[str], after: Sequence[str], names: tuple[str, str]) -> Iterator[str]:
    """The lines of a unified diff of two texts, given in lines; none if they are alike."""
    found = changes(before, after)
    if found:
        yield f"--- {names[0]}"
        yield f"+++ {names[1]}"
    for hunk in _hunks(found):
        yield from _hunk(before, after, hunk)


def _alike(pairs: zip[tuple[Hashable, Hashable]]) -> int:
    count = 0
    for one, other in pairs:
        if one != other:
            break
        count += 1
    return count


def _hunks(found: Sequence[Change]) -> Iterator[list[Change]]:
    """Changes whose contexts touch stand in one hunk."""
    hunk: list[Change] = []
    for change in found:
        if hunk and change.a - hunk[-1].a_end > 2 * _CONTEXT:
            yield hunk
            hunk = []
        hunk.append(change)
    if hunk:
        yield hunk


def _hunk(before: Sequence[str], after: Sequence[str], hunk: Sequence[Change]) -> Iterator[str]:
    lead = min(_CONTEXT, hunk[0].a)
    a, b = hunk[0].a - lead, hunk[0].b - lead
    trail = min(_CONTEXT, len(before) - hunk[-1].a_end)
    a_end, b_end = hunk[-1].a_end + trail, hunk[-1].b_end + trail
    yield f"@@ -{_range(a, a_end)} +{_range(b, b_end)} @@"
    for change in hunk:
        yield from _marked(" ", before[a : change.a])
        yield from _marked("-", before[change.a : change.a_end])
        yield from _marked("+", after[change.b : change.b_end])
        a = change.a_end
    yield from _marked(" ", before[a:a_end])


def _marked(mark: Literal[" ", "-", "+"], lines: Sequence[str]) -> Iterator[str]:
    return (f"{mark}{line}" for line in lines)


def _range(start: int, end: int) -> str:
    """As `diff -u` writes it: an empty run by the line before it, one line without its number."""
    length = end - start
    first = start + 1 if length else start
    return str(first) if length == 1 else f"{first},{length}"
