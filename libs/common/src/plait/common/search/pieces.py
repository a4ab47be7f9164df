"""The texts of a message that can be searched: what people and Claude wrote, tool inputs, tool results.

Left out: thinking, images and other base64 data, reminders that clients put in (`<system-reminder>`), messages of role
`system`, ids. Takes messages as JSON values; nothing in them is trusted to have the shape that it should have.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from typing import Any, Final

import msgspec

from plait.common.blobs import unshelve
from plait.common.reminders import without_reminders
from plait.common.search.words import composed

MOST_CHARACTERS: Final = 1 << 18
"""Of a message so many characters are searched, from its beginning."""
_MOST_PIECES: Final = 10_000
_DEEPEST: Final = 50
"""Levels of a tool's input that are looked at."""
_DATA: Final = re.compile(r"([A-Za-z0-9+/=_-]{64})[A-Za-z0-9+/=_-]{448,}")
"""Base64 in a text: nobody looks for its middle."""
_NOT_SAID: Final = frozenset({"thinking", "redacted_thinking", "image"})


def message_of(encoding: int, data: bytes) -> dict[str, Any]:
    """The message in a row of `blobs`; empty if it does not look like one.

    Raises:
        ValueError: it is damaged.
    """
    try:
        value = msgspec.json.decode(unshelve(encoding, data))
    except msgspec.DecodeError as error:
        raise ValueError(str(error)) from error
    return value if isinstance(value, dict) else {}


def pieces_of(message: dict[str, Any]) -> list[str]:
    """What it says, piece by piece, composed and trimmed, none empty; see `MOST_CHARACTERS`."""
    if message.get("role") == "system":
        return []
    found: list[str] = []
    left = MOST_CHARACTERS
    for text in islice(_content(message.get("content")), _MOST_PIECES):
        piece = composed(_DATA.sub(r"\1", without_reminders(text[:left]))).strip()
        left -= len(text)
        if piece:
            found.append(piece)
        if left <= 0:
            break
    return found


def _content(content: Any, depth: int = _DEEPEST) -> Iterator[str]:
    if isinstance(content, str):
        yield content
    elif isinstance(content, list) and depth:
        for block in content:
            yield from _block(block, depth - 1)


def _block(block: Any, depth: int) -> Iterator[str]:
    if isinstance(block, str):
        yield block
    elif isinstance(block, dict) and str(block.get("type")) not in _NOT_SAID:
        for name in ("title", "name", "url", "text", "partial_json"):
            if isinstance(text := block.get(name), str):
                yield text
        yield from _source(block.get("source"), depth)
        yield from _strings(block.get("input"), depth)
        yield from _content(block.get("content"), depth)


def _source(source: Any, depth: int) -> Iterator[str]:
    """A document's text; data of other sources is base64."""
    if isinstance(source, dict) and source.get("type") == "text":
        yield from _content(source.get("data"))
    elif isinstance(source, dict):
        yield from _content(source.get("content"), depth)


def _strings(value: Any, depth: int) -> Iterator[str]:
    """The strings in a tool's input."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, (list, dict)) and depth:
        for one in value.values() if isinstance(value, dict) else value:
            yield from _strings(one, depth - 1)
