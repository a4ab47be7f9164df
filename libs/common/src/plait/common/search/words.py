"""Words of a text, in any language, and the terms under which the index has them.

A word is a run of letters and digits. Beside the whole word the index has the humps of `camelCase`, and the beginnings
of longer words of letters, so that `konfig` finds `Konfiguration`. What is written without spaces (Chinese, Japanese,
Thai, ...) is indexed by its characters and their pairs, signs such as emoji one by one. Case, accents and Unicode's
compatible forms do not matter (`folded`).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Final
from zlib import crc32

LONGEST: Final = 64
"""Characters of a word that count; of a longer one (keys, base64) only these are indexed."""
BEGINNINGS: Final = (7, 4)
"""Lengths at which the beginnings of longer words are indexed."""
_DENSE: Final = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u2fdf\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf"
    "\u4e00-\u9fff\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003ffff"
)
"""Scripts without spaces between words."""
_SIGNS: Final = "\u2190-\u2bff\U0001f000-\U0001faff"
_RUN: Final = re.compile(rf"[{_DENSE}]+|[^\W_{_DENSE}]+|[{_SIGNS}]")
_SPACED_RUN: Final = re.compile(r"[^\W_]+")
_ASCII_RUN: Final = re.compile(r"[A-Za-z0-9]+")
"""What most texts need, several times as fast."""
_IS_DENSE: Final = re.compile(rf"[{_DENSE}]")
_IS_SPECIAL: Final = re.compile(rf"[{_DENSE}{_SIGNS}]")
_HUMP: Final = re.compile(r"[A-ZÀ-ÖØ-Þ]+(?![a-zß-öø-ÿ])|[A-ZÀ-ÖØ-Þ]?[a-zß-öø-ÿ]+|\d+")
_LONGEST_WITH_HUMPS: Final = 40
_ACCENTS: Final = re.compile("[\u0300-\u036f]")
_SIGN_BIT: Final = 1 << 31


class _Folding(dict[int, str]):
    """By code point, filled as characters come."""

    def __missing__(self, point: int) -> str:
        plain = _ACCENTS.sub("", unicodedata.normalize("NFKD", chr(point)))
        found = self[point] = unicodedata.normalize("NFC", plain.casefold())
        return found


_folding: Final = _Folding()


def composed(text: str) -> str:
    """The text with one code point for a letter and its accent (NFC), the form in which texts are read here."""
    return unicodedata.normalize("NFC", text)


def folded(text: str) -> str:
    """A composed text as texts are compared, character by character; it may become longer."""
    return text.lower() if text.isascii() else text.translate(_folding)


def runs(text: str) -> list[str]:
    """The words of a composed text in order, as they are written."""
    if text.isascii():
        found: list[str] = _ASCII_RUN.findall(text)
    else:
        found = (_RUN if _IS_SPECIAL.search(text) else _SPACED_RUN).findall(text)
    return found


def is_dense(run: str) -> bool:
    """Whether it is written without spaces, and so may hold several words."""
    return bool(_IS_DENSE.match(run))


def humps(run: str) -> list[str]:
    """The parts of a word in camelCase or HTTPStyle; none of any other word."""
    if run.islower() or run.isupper() or run[1:].islower() or len(run) > _LONGEST_WITH_HUMPS:
        return []
    parts = _HUMP.findall(run)
    return parts if len(parts) > 1 else []


def terms(texts: Iterable[str], most: int) -> list[int]:
    """The terms of composed texts, sorted, at most so many."""
    found: set[int] = set()
    for text in texts:
        for run in set(runs(text)):
            found.update(_terms_of(run[: LONGEST + 1]))
            if len(found) >= most:
                return sorted(found)[:most]
    return sorted(found)


def term(word: str) -> int:
    """The term of a whole folded word, of a character or a pair of them."""
    return _signed(crc32(word[:LONGEST].encode("utf-8", "replace")))


def beginning(word: str) -> int | None:
    """The term of all longer words that begin with this folded word, or with a part of it; None of too short ones."""
    length = next((length for length in BEGINNINGS if length <= len(word)), None)
    return None if length is None else _beginning(word, length)


def label(name: str, value: str) -> int:
    """The term of what is known of an exchange, such as its domain, so that it can be looked for beside words."""
    return _signed(crc32(f"\0{name}\0{value}".encode("utf-8", "replace")))


@lru_cache(maxsize=1 << 17)
def _terms_of(run: str) -> tuple[int, ...]:
    if is_dense(run):
        return tuple(_terms_of_dense(folded(run)))
    return tuple({one for part in (run, *humps(run)) for one in _terms_of_word(folded(part))})


def _terms_of_word(word: str) -> Iterator[int]:
    yield term(word)
    if word.isalpha():  # most others are ids, numbers and hashes, all different, and nobody looks for their beginnings
        yield from (_beginning(word, length) for length in BEGINNINGS if len(word) > length)


def _terms_of_dense(run: str) -> Iterator[int]:
    yield from map(term, run)
    yield from (term(run[at : at + 2]) for at in range(len(run) - 1))


def _beginning(word: str, length: int) -> int:
    return _signed(crc32(word[:length].encode("utf-8", "replace"), length))


def _signed(number: int) -> int:
    """As Postgres' integer."""
    return number - 2 * _SIGN_BIT if number >= _SIGN_BIT else number
