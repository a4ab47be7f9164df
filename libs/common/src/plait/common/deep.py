"""JSON that holds a body whose nesting was just allowed: within its envelope it is a few levels deeper."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def deeply(decode: Callable[[bytes], T], text: bytes) -> T:
    """What `decode` makes of `text`, at twice the usual depth where the usual one is not enough.

    Raises:
        RecursionError: it is nested deeper still.
    """
    try:
        return decode(text)
    except RecursionError:
        usual = sys.getrecursionlimit()
        sys.setrecursionlimit(2 * usual)
        try:
            return decode(text)
        finally:
            sys.setrecursionlimit(usual)
