"""A JSON value of any size as text that unfolds: small parts as they stand, large ones in a line each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from markupsafe import Markup, escape

from plait.dashboard.islands.code import colour_json
from plait.dashboard.islands.texts import clip, cut_off, one_line
from plait.dashboard.islands.tools import as_json
from plait.dashboard.islands.unseen import written
from plait.dashboard.islands.words import bytes_of

_SMALL: Final = 1_500
"""Characters of JSON that are shown without folding."""
_DEEPEST: Final = 12
_MOST_PARTS: Final = 6_000
"""Lines of one page; what is beyond is for download."""


@dataclass(frozen=True)
class RawPart:
    """A part of an exchange as it was recorded."""

    title: str
    size: str
    body: Markup | None
    """None: there is none."""


def raw_part(title: str, value: Any, at: str) -> RawPart:
    """A body as JSON that unfolds; one that was no JSON as its text."""
    if value is None:
        return RawPart(title, "", None)
    text = value if isinstance(value, str) else as_json(value)
    return RawPart(title, bytes_of(len(written(text).encode())), outline(value, at))


def as_received(title: str, data: bytes) -> RawPart:
    """Bytes as text; where they are none, with marks in place of what cannot be read."""
    text = data.decode("utf-8", "replace")
    shown = Markup('<pre class="plain">{}</pre>').format(clip(text))
    if left := cut_off(text):
        shown += Markup('<p class="soft">{:,} more characters: download the answer as it came.</p>').format(left)
    return RawPart(title, bytes_of(len(data)), shown)


def outline(value: Any, at: str) -> Markup:
    """The value as HTML; `at` is its place in the exchange (`whole.find`)."""
    return Markup('<div class="outline">{}</div>').format(_Outline().draw(value, at, 0))


class _Outline:
    """Draws one value; counts its parts, so that no body makes a page without end."""

    def __init__(self) -> None:
        self._parts = 0

    def draw(self, value: Any, at: str, depth: int) -> Markup:
        """A value without its name."""
        text = as_json(value)
        if len(text) <= _SMALL or depth >= _DEEPEST or not isinstance(value, dict | list):
            return _text(value if isinstance(value, str) else None, text, at)
        named = value.items() if isinstance(value, dict) else enumerate(value)
        return Markup("").join(self._parts_of(named, at, depth))

    def _parts_of(self, named: Iterable[tuple[object, Any]], at: str, depth: int) -> Iterator[Markup]:
        for name, value in named:
            self._parts += 1
            if self._parts > _MOST_PARTS:
                yield Markup('<p class="soft">More follows: download it.</p>')
                return
            yield self._part(name, value, f"{at}.{name}", depth)

    def _part(self, name: object, value: Any, at: str, depth: int) -> Markup:
        text = as_json(value)
        label = Markup('<b class="f">{}</b>:').format(one_line(str(name)))
        if len(text) <= 80:
            return Markup('<div class="field">{} <code>{}</code></div>').format(label, colour_json(clip(text)))
        inside = self.draw(value, at, depth + 1)
        folded = Markup('<details class="field"><summary>{} <span class="soft">{}</span></summary>{}</details>')
        return folded.format(label, one_line(f"{_kind(value)} {text}"), inside)


def _kind(value: Any) -> str:
    if isinstance(value, dict):
        return f"{_counted(len(value), 'field')} ·"
    return f"{_counted(len(value), 'item')} ·" if isinstance(value, list) else ""


def _counted(count: int, thing: str) -> str:
    return f"{count} {thing}" if count == 1 else f"{count} {thing}s"


def _text(plain: str | None, text: str, at: str) -> Markup:
    told = plain if plain is not None else text
    shown = escape(clip(told)) if plain is not None else colour_json(clip(told))
    block = Markup('<pre class="code">{}</pre>').format(shown)
    if not cut_off(told):
        return block
    button = Markup('<button class="button more" data-more data-whole="{}">Show all {:,} characters</button>')
    return block + button.format(at, len(told))
