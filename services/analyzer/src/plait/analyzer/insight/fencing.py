"""What was said is data: it stands between two lines that nobody who said it can have known."""

from __future__ import annotations

import secrets
from typing import Final

_BYTES: Final = 16


def boundary_for(*texts: str) -> str:
    """A mark for one call of a model, 128 random bits in hex, that stands in none of the texts."""
    while True:
        boundary = secrets.token_hex(_BYTES)
        if not any(boundary in text for text in texts):
            return boundary


def fence(text: str, name: str, boundary: str) -> str:
    """The text between a line that opens and one that closes, both with the boundary.

    `name`: what it is, in capitals.

    Raises:
        ValueError: the boundary stands in the text, which could end the fence.
    """
    if boundary in text:
        raise ValueError("the boundary stands in what it is to enclose")
    return f"<<<{name} {boundary}\n{text}\n{boundary} {name}>>>"
