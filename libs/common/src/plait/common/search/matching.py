"""Whether a message says what is sought, how well, and the place to show. Pure."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, islice
from math import log10
from typing import Final

from plait.common.search.query import Query, Sought
from plait.common.search.words import folded, is_dense

_MOST_PLACES: Final = 10
"""Places of one word in one text that are looked at."""
_BEFORE: Final = 50
_LONGEST: Final = 200
"""Characters of a snippet, and how many of them stand before what was found."""
_AS_BEGINNING: Final = 0.5
"""What a word counts that only begins as sought."""


@dataclass(frozen=True)
class Place:
    """Where something stands in a text: from, to, and whether a word ends there."""

    start: int
    end: int
    whole: bool


@dataclass(frozen=True)
class Found:
    """What a message has of a query."""

    rank: float
    """Above 0, up to 1: whole words before beginnings, often before once, short texts before long ones."""
    whole: bool
    """All stands there as whole words."""
    piece: str
    """The text of the message that has most of it."""
    snippet: str


class _Text:
    """A text, folded, with the way back to its own characters."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.folded = folded(text)

    @cached_property
    def _ends(self) -> list[int]:
        return list(accumulate(len(folded(one)) for one in self.text))

    def own(self, at: int) -> int:
        """The character of the text that a folded one came from."""
        if len(self.text) == len(self.folded):
            return at
        return bisect_right(self._ends, at)

    def places(self, sought: Sought) -> Iterator[Place]:
        """Where it stands at the beginning of a word."""
        for match in sought.pattern.finditer(self.folded):
            start, end = self.own(match.start()), self.own(match.end())
            if _begins(self.text, start):
                whole = _ends(self.text, end)
                if whole or not sought.is_phrase:
                    yield Place(start, end, whole)


def find(query: Query, pieces: Sequence[str]) -> Found | None:
    """What a message of these texts has of a query, None if not all, or something unwanted."""
    texts = [_Text(piece) for piece in pieces]
    if any(next(text.places(sought), None) for sought in query.unwanted for text in texts):
        return None
    found = [[list(islice(text.places(sought), _MOST_PLACES)) for text in texts] for sought in query.wanted]
    weights = []
    for ones in found:
        every = [place for places in ones for place in places]
        if not every:
            return None
        weights.append(_weight(every))
    most = max(range(len(texts)), key=lambda n: (sum(bool(ones[n]) for ones in found), sum(len(o[n]) for o in found)))
    return Found(
        rank=round(sum(weights) / len(weights) / (1 + log10(1 + sum(map(len, pieces)) / 1000)), 4),
        whole=all(any(place.whole for places in ones for place in places) for ones in found),
        piece=pieces[most],
        snippet=_snippet(pieces[most], [place for ones in found for place in ones[most]]),
    )


def places(query: Query, text: str) -> list[tuple[int, int]]:
    """Where what a query seeks stands in a text: runs of characters, in order and apart."""
    read = _Text(text)
    found = sorted((place.start, place.end) for sought in query.wanted for place in read.places(sought))
    runs: list[tuple[int, int]] = []
    for start, end in found:
        if runs and start <= runs[-1][1]:
            runs[-1] = (runs[-1][0], max(end, runs[-1][1]))
        else:
            runs.append((start, end))
    return runs


def _weight(places: Sequence[Place]) -> float:
    """Of one word: the more often the nearer to 1, the half of it where it is never a whole word."""
    count = sum(1.0 if place.whole else _AS_BEGINNING for place in places)
    most = 1.0 if any(place.whole for place in places) else _AS_BEGINNING
    return most * (1 - 1 / (1 + 2 * count))


def _begins(text: str, at: int) -> bool:
    """Whether a word, or a hump of one, begins here."""
    if at == 0 or not text[at - 1].isalnum() or is_dense(text[at]) or not text[at].isalnum():
        return True
    if is_dense(text[at - 1]):
        return True
    before, here, after = text[at - 1], text[at], text[at + 1 : at + 2]
    return here.isupper() and (not before.isupper() or after.islower())


def _ends(text: str, at: int) -> bool:
    return at >= len(text) or not text[at].isalnum() or _begins(text, at)


def _snippet(text: str, places: Sequence[Place]) -> str:
    """The place with most in it, in one line."""
    starts = sorted({place.start for place in places})
    near = [bisect_left(starts, at + _LONGEST - _BEFORE) - n for n, at in enumerate(starts)]
    first = starts[near.index(max(near))]
    begin = max(0, first - _BEFORE)
    if begin:
        space = text.find(" ", begin, first)
        begin = space + 1 if space >= 0 else begin
    end = min(len(text), begin + _LONGEST)
    shown = " ".join(text[begin:end].split())
    return f"{'…' if begin else ''}{shown}{'…' if end < len(text) else ''}"
