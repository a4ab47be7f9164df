"""The beginning and the end of long texts, without what is not to leave the house."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any, Final

from plait.common.redaction import Redactor

_MARGIN: Final = 8_000
"""Characters beyond those kept that are looked through: a secret is not cut in two before it is found."""


class Cleaner:
    """Takes secrets and personal data out, and counts them."""

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self.found: Counter[str] = Counter()
        """How often each kind was taken out."""

    def clean(self, text: str) -> str:
        """All of a text, in characters that every encoder takes."""
        return self._redactor.text(text, self.found).encode("utf-8", "replace").decode().replace("\0", "")

    def short(self, text: str, most: int) -> str:
        """Two thirds of `most` characters from its beginning, a third from its end, if it is longer than `most`."""
        if len(text) <= most + 2 * _MARGIN:
            return _cut(self.clean(text), most)
        head, tail = _parts(most)
        before, after = self.clean(text[: head + _MARGIN]), self.clean(text[-tail - _MARGIN :])
        return f"{before[:head]} {_left_out(len(text) - most)} {after[-tail:] if tail else ''}".rstrip()


def one_text(value: Any) -> str:
    """A JSON value as a text: a text as it is, anything else on one line."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def _cut(text: str, most: int) -> str:
    if len(text) <= most:
        return text
    head, tail = _parts(most)
    return f"{text[:head]} {_left_out(len(text) - most)} {text[len(text) - tail :]}".rstrip()


def _parts(most: int) -> tuple[int, int]:
    return most - most // 3, most // 3


def _left_out(count: int) -> str:
    return f"[… {count:,} characters left out …]"
