"""HTML that was made once and is shown again: the next request of a conversation repeats all messages before it."""

from __future__ import annotations

import hashlib
import sys
import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from markupsafe import Markup

_OVERHEAD: Final = 130
"""Bytes that an entry takes beside its text."""


class Kept:
    """HTML by what it was made of, the last used, up to a number of bytes. Pages in several threads share it."""

    def __init__(self, most_bytes: int) -> None:
        self._most = most_bytes
        self._held = 0
        self._entries: OrderedDict[bytes, Markup] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, content: bytes, make: Callable[[], Markup]) -> Markup:
        """The HTML of a content, made if it is not at hand."""
        name = hashlib.blake2b(content, digest_size=20).digest()
        with self._lock:
            if (found := self._entries.get(name)) is not None:
                self._entries.move_to_end(name)
                return found
        made = make()
        self._keep(name, made)
        return made

    def _keep(self, name: bytes, made: Markup) -> None:
        with self._lock:
            if name in self._entries or _size(made) > self._most:
                return
            self._entries[name] = made
            self._held += _size(made)
            while self._held > self._most:
                self._held -= _size(self._entries.popitem(last=False)[1])


def _size(html: Markup) -> int:
    """Bytes: one, two or four a character, as the widest of them has it."""
    return sys.getsizeof(html) + _OVERHEAD
