"""Answers as JSON, written by msgspec straight from the rows."""

from __future__ import annotations

import json
from typing import Any

import msgspec
from starlette.responses import Response

_encoder = msgspec.json.Encoder()


class Json(Response):
    """A JSON answer made of structs."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        """The value as JSON."""
        return encode(content)


def encode(value: Any) -> bytes:
    """A value as JSON.

    Recorded bodies can hold what the fast encoder refuses (halves of surrogate pairs, numbers beyond 64 bits): then
    the standard library's writes it, as ASCII.
    """
    try:
        return _encoder.encode(value)
    except (UnicodeEncodeError, OverflowError):
        return json.dumps(msgspec.to_builtins(value), allow_nan=False).encode("ascii")
