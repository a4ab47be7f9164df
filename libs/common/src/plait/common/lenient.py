"""JSON that clients and servers can write and the strict decoder refuses: halves of surrogate pairs, huge numbers."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

import msgspec


class Read(NamedTuple):
    """A JSON text, read once for all who want something of it."""

    value: Any | None
    """None also where it is no JSON."""
    exact: bool
    """Whether the strict decoder took it: written again the value is the same JSON."""


def read_json(text: bytes) -> Read:
    """The value of a JSON text; half a surrogate pair becomes U+FFFD."""
    try:
        return Read(msgspec.json.decode(text), True)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return Read(mended(unmended(text)), False)


def json_value(text: bytes) -> Any | None:
    """The value of a JSON text, None if it is none; half a surrogate pair becomes U+FFFD."""
    return read_json(text).value


def unmended(text: bytes | str) -> Any | None:
    """The same as the lenient decoder has it: strings may hold halves of pairs, which another string may complete."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def mended(value: Any) -> Any | None:
    """The value with pairs put together and what is half replaced by U+FFFD; None where it is nested too deep."""
    try:
        written = json.dumps(value, ensure_ascii=False)
        return json.loads(written.encode("utf-16", "surrogatepass").decode("utf-16", "replace"))
    except (ValueError, RecursionError):
        return None
