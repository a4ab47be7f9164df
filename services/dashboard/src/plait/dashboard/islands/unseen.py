"""Characters that cannot be seen, or that turn the reading direction, made visible in the HTML that is drawn.

Each stands in an element of its own, which says its name and ends its effect: what follows reads as it was written,
and what is copied is the very text. Joiners stay alone where a script or a pictograph needs them (a family of
emoji, Persian), and so do tags behind a flag.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

_DIRECTION: Final = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
_EMPTY: Final = "\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180e\u200b\u2060-\u2064\u206a-\u206f\u3164\ufeff\uffa0"
_TAGS: Final = "\U000e0000-\U000e007f"
_VARIANTS: Final = "\U000e0100-\U000e01ef"
"""Of ideographs; behind anything else they carry hidden text."""
_CONTROLS: Final = "\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f"
_JOINERS: Final = "\u200c\u200d"
_ALONE: Final = rf"[\x00-\x7f{_DIRECTION}{_EMPTY}{_TAGS}{_CONTROLS}{_JOINERS}{_VARIANTS}]"
"""Beside one of these a joiner joins nothing."""
_HIDDEN: Final = (
    rf"[{_DIRECTION}{_EMPTY}{_TAGS}{_CONTROLS}]"
    rf"|(?:(?<={_ALONE})|\A)[{_JOINERS}]|[{_JOINERS}](?:(?={_ALONE})|\Z)"
    rf"|(?<![\u3400-\u9fff\U00020000-\U0003ffff])[{_VARIANTS}]"
)
_SUSPECT: Final = re.compile(
    r"(?P<flag>\U0001f3f4[\U000e0020-\U000e007e]+\U000e007f)"
    f"|[{_DIRECTION}{_EMPTY}{_TAGS}{_CONTROLS}{_JOINERS}{_VARIANTS}]"
)
"""The flags of England, Scotland, Wales have tags behind them."""
_JUDGED: Final = re.compile(_HIDDEN)
_MARK: Final = '<span class="sign"'
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_SHORT: Final = {
    "\u202a": "LRE", "\u202b": "RLE", "\u202c": "PDF", "\u202d": "LRO", "\u202e": "RLO", "\u2066": "LRI",
    "\u2067": "RLI", "\u2068": "FSI", "\u2069": "PDI", "\u200e": "LRM", "\u200f": "RLM", "\u061c": "ALM",
    "\u200b": "ZWSP", "\u200c": "ZWNJ", "\u200d": "ZWJ", "\u2060": "WJ", "\ufeff": "BOM", "\u00ad": "SHY",
    "\x1b": "ESC", "\x7f": "DEL",
}  # fmt: skip


def show_unseen(html: str) -> str:
    """The HTML with a mark at each such character in its text; attributes stay as they are. Twice is as once.

    In attributes `<` and `>` must be escaped, as templates and the cleaner do it.
    """
    pieces: list[str] = []
    end = 0
    for found in _SUSPECT.finditer(html):
        at = found.start()
        if not found["flag"] and _JUDGED.match(html, at) and not _stays(html, at):
            pieces += html[end:at], _mark(found[0])
            end = at + 1
    return "".join((*pieces, html[end:])) if pieces else html


def written(text: str) -> str:
    """The text with halves of surrogate pairs as JSON writes them: they are no characters, and cannot be sent."""
    return _SURROGATE.sub(lambda half: f"\\u{ord(half[0]):04x}", text)


def line_of(text: str) -> str:
    """A text for places that take no elements, such as a window's title: without such characters."""
    return _SUSPECT.sub(lambda found: found["flag"] or "", written(text))


def _stays(html: str, at: int) -> bool:
    """Whether it stands in a tag, or has its mark."""
    opened = html.rfind("<", 0, at)
    closed = html.rfind(">", opened + 1, at) if opened >= 0 else 0
    return closed < 0 or (closed == at - 1 and html.startswith(_MARK, opened))


def _mark(character: str) -> str:
    kept = "" if character == "\0" else character  # no parser of HTML lets it through
    return f'{_MARK} data-is="{_name(character)}" title="{_title(character)}">{kept}</span>'


def _name(character: str) -> str:
    if character in _SHORT:
        return _SHORT[character]
    if 0xE0020 < ord(character) < 0xE007F:
        return "tag " + f"U+{ord(character) - 0xE0000:04X}"
    return f"U+{ord(character):04X}"


def _title(character: str) -> str:
    return f"U+{ord(character):04X} {unicodedata.name(character, 'control character')}"
