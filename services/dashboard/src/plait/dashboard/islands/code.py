"""Code in colours: Pygments decides what a word is, a few classes of ours say how it looks."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import unified_diff
from typing import Final

from markupsafe import Markup, escape
from pygments import lex
from pygments.lexer import Lexer
from pygments.lexers import get_lexer_by_name, get_lexer_for_filename
from pygments.token import Comment, Generic, Keyword, Name, Number, String, _TokenType
from pygments.util import ClassNotFound

LONGEST: Final = 40_000
"""Longer code is shown without colours."""

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


def highlight(code: str, language: str = "", filename: str = "") -> Markup:
    """`code` with its words marked, for a language by name or a file by its name; else as it is."""
    lexer = _lexer(language, filename) if len(code) <= LONGEST else None
    return escape(code) if lexer is None else Markup("").join(_marked(code, lexer))


def difference(before: str, after: str) -> Markup:
    """What changed, line by line, without the file heads."""
    lines = list(unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=3))[2:]
    return Markup("\n").join(_diff_line(line) for line in lines)


def _diff_line(line: str) -> Markup:
    kind = {"+": "ins", "-": "del", "@": "c"}.get(line[:1])
    return Markup('<span class="{}">{}</span>').format(kind, line) if kind else escape(line)


def _lexer(language: str, filename: str) -> Lexer | None:
    try:
        if language:
            return get_lexer_by_name(language, stripnl=False, ensurenl=False)
        return get_lexer_for_filename(filename, stripnl=False, ensurenl=False) if filename else None
    except ClassNotFound:
        return None


def _marked(code: str, lexer: Lexer) -> Iterator[Markup]:
    for kind, text in lex(code, lexer):
        name = _class_of(kind)
        yield Markup('<span class="{}">{}</span>').format(name, text) if name else escape(text)


def _class_of(kind: _TokenType) -> str | None:
    return next((name for parent, name in _CLASSES if kind[: len(parent)] == parent), None)
