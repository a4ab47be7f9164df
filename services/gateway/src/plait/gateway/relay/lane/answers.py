"""The head of an answer: what it says, and how it goes on to the client."""

from __future__ import annotations

import re
from enum import Enum
from functools import lru_cache
from typing import Final, NamedTuple

from plait.gateway.relay.fields import HOP_BY_HOP, REQUEST_ID, Fields

_LINE: Final = re.compile(rb"HTTP/1\.[01]( ([0-9]{3})(?: [^\r\n]*)?\r\n)")
_FIELD: Final = re.compile(rb"(?<=\n)([^:\s]+):[ \t]*([^\r\n]*?)[ \t]*\r\n")
_BODILESS: Final = frozenset({204, 304})
_MOST_REMEMBERED: Final = 4096


class Framing(Enum):
    """How an answer's end is told."""

    LENGTH = "length"
    CHUNKED = "chunked"
    CLOSE = "close"
    """By the end of the connection."""
    NONE = "none"
    """There is no body."""


class AnswerHead(NamedTuple):
    """Status line and fields of an answer."""

    status: int
    line: bytes
    """The status line as it goes to the client."""
    fields: Fields
    """Those that go to the client (end to end)."""
    framing: Framing

    @property
    def chunked(self) -> bool:
        """Whether the client gets the body in chunks."""
        return self.framing in (Framing.CHUNKED, Framing.CLOSE)

    def block(self, exchange_id: bytes, *, close: bool) -> bytes:
        """What goes to the client before the body. `close`: the connection ends with this answer."""
        lines = [b"%b: %b\r\n" % field for field in self.fields]
        if self.chunked:
            lines.append(b"transfer-encoding: chunked\r\n")
        if close:
            lines.append(b"connection: close\r\n")
        return b"%b%bx-request-id: %b\r\n\r\n" % (self.line, b"".join(lines), exchange_id)


def read_answer(head: bytes) -> AnswerHead | None:
    """What a whole head (with its empty line) says; None when it is no head of an answer."""
    line = _LINE.match(head)
    if line is None:
        return None
    fields: Fields = _FIELD.findall(head, line.end() - 1)
    if len(fields) != head.count(b"\n") - 2:
        return None
    status = int(line[2])
    kept = [field for field in fields if not _stays_here(field[0])]
    framing = Framing.NONE
    if len(kept) != len(fields):
        kept = _unnamed(kept, fields)
        framing = _chunking(fields)
    if status in _BODILESS:
        return AnswerHead(status, b"HTTP/1.1" + line[1], _without_length(kept), Framing.NONE)
    if framing is Framing.NONE:
        has_length = any(name.lower() == b"content-length" for name, _ in kept)
        framing = Framing.LENGTH if has_length else Framing.CLOSE
    return AnswerHead(status, b"HTTP/1.1" + line[1], kept, framing)


def _chunking(fields: Fields) -> Framing:
    """Whether one of the fields that do not pass on says that the body comes in chunks."""
    coded = any(name.lower() == b"transfer-encoding" for name, _ in fields)
    return Framing.CHUNKED if coded else Framing.NONE


def _unnamed(kept: Fields, fields: Fields) -> Fields:
    """Without the fields that `Connection` names: those are for us alone."""
    values = [value for name, value in fields if name.lower() == b"connection"]
    named = {part.strip().lower() for value in values for part in value.split(b",")}
    return [field for field in kept if field[0].lower() not in named] if named else kept


def _without_length(fields: Fields) -> Fields:
    return [field for field in fields if field[0].lower() != b"content-length"]


@lru_cache(_MOST_REMEMBERED)
def _stays_here(name: bytes) -> bool:
    low = name.lower()
    return low in HOP_BY_HOP or low == REQUEST_ID
