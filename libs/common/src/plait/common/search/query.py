"""What somebody looks for, read off the line that they typed.

Words stand apart by white space; all must be in a message. `"..."` is a phrase: these words, one after the other.
`-` before a word or a phrase: not in the message. A word may hold signs (`foo.bar()`, `snake_case`, `src/main.py`):
then it stands so in the message. Signs around a word do not matter, nor does an open quote's missing end.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from plait.common.search.words import beginning, composed, folded, humps, is_dense, runs, term

MOST_WORDS: Final = 32
"""Words and phrases of a query."""
_TOKEN: Final = re.compile(r'(-?)"([^"]*)(?:"|\Z)|(\S+)')
_AROUND: Final = ".,;:!?()[]{}<>'`„“”‚‘’«»…"
"""Signs around a word that are not looked for."""
_SPACE: Final = re.compile(r"\s+")

Alternatives = tuple[int, ...]
"""Terms, one of which a message must have."""


class BadQuery(ValueError):
    """Nothing can be looked for with this; says why."""


@dataclass(frozen=True)
class Sought:
    """A word or phrase."""

    text: str
    """Folded, with single spaces."""
    is_phrase: bool

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """Where it stands in a folded text; whether words begin and end there is another question."""
        return re.compile(r"\s+".join(map(re.escape, self.text.split(" "))))


@dataclass(frozen=True)
class Query:
    """What must be in a message, and what must not."""

    wanted: Sequence[Sought]
    unwanted: Sequence[Sought]
    exact: Sequence[Alternatives]
    """What the index must say of a message that has all words as whole words: one of each group."""
    loose: Sequence[Alternatives]
    """The same of one that has words which begin so."""


def parse(line: str) -> Query:
    """Read a query.

    Raises:
        BadQuery: too many words, or none that can be looked for.
    """
    wanted: dict[Sought, None] = {}
    unwanted: dict[Sought, None] = {}
    exact: dict[Alternatives, None] = {}
    loose: dict[Alternatives, None] = {}
    for count, (text, is_phrase, is_minus) in enumerate(_tokens(composed(line)), 1):
        if count > MOST_WORDS:
            raise BadQuery(f"more than {MOST_WORDS} words")
        sought = Sought(_SPACE.sub(" ", folded(text)), is_phrase)
        if is_minus:
            unwanted[sought] = None
            continue
        wanted[sought] = None
        for group, begins in _groups(text, is_phrase):
            exact[group] = None
            loose[(*group, *begins)] = None
    if not wanted:
        raise BadQuery("names nothing to look for" if not unwanted else "names only what is not to be there")
    return Query(list(wanted), list(unwanted), list(exact), list(loose))


def _tokens(line: str) -> list[tuple[str, bool, bool]]:
    """Text, whether it is a phrase, whether it is not to be there; what holds no word is passed over."""
    found = []
    for match in _TOKEN.finditer(line):
        minus, phrase, word = match.groups()
        is_minus = bool(minus)
        if word is not None:
            is_minus = word.startswith("-") and not word.startswith("--")
            word = word[1:] if is_minus else word
        text = (phrase if word is None else word).strip().strip(_AROUND).strip()
        if runs(text):
            found.append((text, word is None, is_minus))
    return found


def _groups(text: str, is_phrase: bool) -> list[tuple[Alternatives, Alternatives]]:
    """For each word in a text: the terms it may be under if it stands there whole, and if it only begins so."""
    words = runs(text)
    found: list[tuple[Alternatives, Alternatives]] = []
    for at, run in enumerate(words):
        if is_dense(run):
            found += [((term(part),), ()) for part in _pairs(folded(run))]
            continue
        may_go_on = at == len(words) - 1 and not is_phrase
        begins = beginning(folded(run)) if may_go_on else None
        parts = max((folded(hump) for hump in humps(run)), key=len, default="")
        whole = tuple(dict.fromkeys((term(folded(run)), *([term(parts)] if parts else []))))
        found.append((whole, (begins,) if begins is not None else ()))
    return found


def _pairs(run: str) -> list[str]:
    return [run[at : at + 2] for at in range(len(run) - 1)] or [run]
