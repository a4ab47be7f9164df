"""The head of an answer: what it says, and how it goes on to the client."""

from __future__ import annotations

import re
from enum import Enum
from functools import lru_cache
from typing import Final

from msgspec import Struct

from plait.gateway.relay.fields import HOP_BY_HOP, REQUEST_ID, Fields
from plait.gateway.relay.lane.heads import split_head

_LINE: Final = re.compile(rb"HTTP/1\.[01]( ([0-9]{3})(?: [^\r\n]*)?)")
_BODILESS: Final = frozenset({204, 304})
_MOST_REMEMBERED: Final = 256
"""Few, because a hostile one may have 64 KB; more than clients have at a time."""


class Framing(Enum):
    """How an answer's end is told."""

    LENGTH = "length"
    CHUNKED = "chunked"
    CLOSE = "close"
    """By the end of the connection."""
    NONE = "none"
    """There is no body."""


class AnswerHead(Struct, frozen=True, gc=False):
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


# What becomes of a field: numbers, because this is looked up for every field of every answer.
_PASSED, _LENGTH, _CODING, _CONNECTION, _DROPPED = range(5)
_TREATMENTS: Final = dict.fromkeys(HOP_BY_HOP | {REQUEST_ID}, _DROPPED) | {
    b"content-length": _LENGTH,
    b"transfer-encoding": _CODING,
    b"connection": _CONNECTION,
}
_USUAL: Final = frozenset({b"keep-alive,", b"close,"})


def read_answer(head: bytes) -> AnswerHead | None:
    """What a whole head (with its empty line) says; None when it is no head of an answer.

    It is to be shown to llhttp as well: whether a head is good HTTP is decided there, and only there.
    """
    split = split_head(head)
    line = _LINE.fullmatch(split[0]) if split is not None else None
    if split is None or line is None:
        return None
    fields: Fields = []
    special = [b""] * (_DROPPED + 1)
    for field in split[1]:
        treatment = _treatment(field[0])
        if treatment:
            special[treatment] += field[1] + b","
        else:
            fields.append(field)
    status = int(line[2])
    framing = _framing(status, special)
    named = special[_CONNECTION].lower()
    if named and named not in _USUAL:
        fields = _without(fields, named)
    if framing is Framing.LENGTH:
        fields.append((b"content-length", special[_LENGTH][:-1]))
    return AnswerHead(status, b"HTTP/1.1%b\r\n" % line[1], fields, framing)


def _framing(status: int, special: list[bytes]) -> Framing:
    if status in _BODILESS:
        return Framing.NONE
    if special[_CODING]:
        return Framing.CHUNKED if special[_CODING].rstrip(b", ").lower().endswith(b"chunked") else Framing.CLOSE
    return Framing.LENGTH if special[_LENGTH] else Framing.CLOSE


def _without(fields: Fields, named: bytes) -> Fields:
    """The fields but those that `Connection` names: they are for us alone."""
    gone = {part.strip() for part in named.split(b",")}
    return [field for field in fields if field[0].lower() not in gone]


@lru_cache(_MOST_REMEMBERED)
def _treatment(name: bytes) -> int:
    return _TREATMENTS.get(name.lower(), _PASSED)
