"""Texts that people type, made safe for `ILIKE`."""

from __future__ import annotations

import re

_WILDCARD = re.compile(r"[\\%_]")
_ESCAPED = r"\\\g<0>"


def containing(text: str | None) -> str | None:
    """The pattern that matches what contains `text`, in any case; `%`, `_` and `\\` stand for themselves."""
    return None if text is None else f"%{_WILDCARD.sub(_ESCAPED, text)}%"
