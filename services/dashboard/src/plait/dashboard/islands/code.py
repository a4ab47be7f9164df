"""Code in colours: Pygments decides what a word is, a few classes of ours say how it looks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import SequenceMatcher
from functools import lru_cache
from itertools import takewhile
from typing import Final

from markupsafe import Markup, escape
from pygments import lex
from pygments.lexer import Lexer
from pygments.lexers import find_lexer_class_by_name, find_lexer_class_for_filename
from pygments.token import Comment, Generic, Keyword, Name, Number, String, _TokenType
from pygments.util import ClassNotFound

LONGEST: Final = 20_000
"""Longer code is shown without colours."""
_LONGEST_LINE: Final = 2_000
"""Nor is code with longer lines: some rules look at the rest of a line at each of its characters."""
_MOST_COMPARED: Final = 1_000
"""Lines; of longer texts all of one stands before all of the other."""
_AROUND: Final = 3
_LONGEST_NAME: Final = 200

_CLASSES: Final = (
    (Comment, "c"),
    (Keyword, "k"),
    (String, "s"),
    (Number, "n"),
    (Name.Function, "f"),
    (Name.Class, "f"),
    (Name.Tag, "k"),
    (Name.Attribute, "f"),
    (Name.Builtin, "b"),
    (Name.Decorator, "b"),
    (Generic.Inserted, "ins"),
    (Generic.Deleted, "del"),
)
MARKED: Final = frozenset(name for _, name in _CLASSES)
"""The classes that coloured code uses."""
_NUMBERED: Final = re.compile(r" *(\d{1,7})(?:(\t|→)(.*))?")
_JSON: Final = re.compile(
    r'(?P<f>"(?:[^"\\]|\\.)*+"(?=\s*:))|(?P<s>"(?:[^"\\]|\\.)*+"?)|(?P<n>-?\d[\d.eE+-]*)|(?P<k>true|false|null)'
    r'|(?P<other>[^"\d\-tfn]+|.)',
    re.DOTALL,
)
"""Words of JSON, also of one that was cut; names, strings, numbers and constants by their classes."""
_SIGNS: Final = {"ins": "+", "del": "-", "same": " ", "gap": ""}


def highlight(code: str, language: str = "", filename: str = "") -> Markup:
    """`code` with its words marked, for a language by name or a file by its name; else as it is."""
    lexer = _lexer_for(code, language, filename)
    return escape(code) if lexer is None else Markup("".join(_marked(code, lexer)))  # noqa: S704 - escaped word by word


def highlight_lines(code: str, filename: str) -> list[Markup]:
    """The same line by line, each whole in itself."""
    lexer = _lexer_for(code, "", filename)
    if lexer is None:
        return [escape(line) for line in code.split("\n")]
    lines: list[list[str]] = [[]]
    for kind, text in lex(code, lexer):
        for n, piece in enumerate(text.split("\n")):
            if n:
                lines.append([])
            lines[-1].append(_word(kind, piece))
    return [Markup("".join(words)) for words in lines]  # noqa: S704 - escaped word by word


def numbered(text: str, filename: str) -> Markup | None:
    """A file as tools give it, each line behind its number; None if that is not what the text is.

    Lines without a number, such as a remark behind the file, end it.
    """
    lines = text.split("\n")
    found = list(takewhile(bool, map(_NUMBERED.fullmatch, lines)))
    told = [line.groups("") for line in found if line]
    if not told:
        return None
    shown = highlight_lines("\n".join(said for _, _, said in told), filename)
    drawn = (f'<span class="ln">{n}{gap}</span>{said}' for (n, gap, _), said in zip(told, shown, strict=False))
    return Markup("\n".join((*drawn, *map(escape, lines[len(told) :]))))  # noqa: S704 - digits, a gap, escaped lines


def colour_json(text: str) -> Markup:
    """JSON, or the beginning of it, in colours: as `highlight` has it, and ten times as quick."""
    return Markup("".join(_json_word(token) for token in _JSON.finditer(text)))  # noqa: S704 - escaped word by word


def difference(before: str, after: str) -> Markup:
    """What changed, line by line, with three lines around each change."""
    return Markup("").join(
        Markup('<span class="{}">{}{}\n</span>').format(kind, _SIGNS[kind], line)
        for kind, line in _changes(before, after)
    )


def changed_lines(before: str, after: str) -> tuple[int, int]:
    """How many lines came, and how many went."""
    kinds = [kind for kind, _ in _changes(before, after)]
    return kinds.count("ins"), kinds.count("del")


def _changes(before: str, after: str) -> Iterator[tuple[str, str]]:
    """Kind and text of each line that is shown."""
    old, new = before.splitlines(), after.splitlines()
    if max(len(old), len(new)) > _MOST_COMPARED:
        yield from (("del", line) for line in old)
        yield from (("ins", line) for line in new)
        return
    for n, group in enumerate(SequenceMatcher(None, old, new).get_grouped_opcodes(_AROUND)):
        if n:
            yield "gap", "⋯"
        for tag, old_start, old_end, new_start, new_end in group:
            if tag == "equal":
                yield from (("same", line) for line in old[old_start:old_end])
            else:
                yield from (("del", line) for line in old[old_start:old_end])
                yield from (("ins", line) for line in new[new_start:new_end])


def _lexer_for(code: str, language: str, filename: str) -> Lexer | None:
    if len(code) > LONGEST or max(map(len, code.split("\n"))) > _LONGEST_LINE:
        return None
    kind = _lexer_class(language, filename[-_LONGEST_NAME:])
    return kind(stripnl=False, ensurenl=False) if kind else None


@lru_cache(maxsize=512)
def _lexer_class(language: str, filename: str) -> type[Lexer] | None:
    try:
        if language:
            return find_lexer_class_by_name(language)
        return find_lexer_class_for_filename(filename) if filename else None
    except ClassNotFound:
        return None


def _marked(code: str, lexer: Lexer) -> Iterator[str]:
    return (_word(kind, text) for kind, text in lex(code, lexer))


def _json_word(token: re.Match[str]) -> str:
    shown, kind = str(escape(token[0])), token.lastgroup
    return shown if kind == "other" else f'<span class="{kind}">{shown}</span>'


def _word(kind: _TokenType, text: str) -> str:
    name = _class_of(kind)
    return f'<span class="{name}">{escape(text)}</span>' if name and text else str(escape(text))


@lru_cache(maxsize=512)
def _class_of(kind: _TokenType) -> str | None:
    return next((name for parent, name in _CLASSES if kind[: len(parent)] == parent), None)
