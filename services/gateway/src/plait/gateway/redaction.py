"""Takes secrets out of recorded bodies by pattern (REDACT_BODIES). What is relayed never comes here. Pure.

A match becomes `[redacted:NAME]`. Patterns are tried on the bytes of a body as they are written, so in JSON a line's
end is the two characters `\\n`, and what is written as `\\u0040` is no `@`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from msgspec import UNSET, Raw
from msgspec.structs import replace

from plait.common.events import ResponseEvent, json_or_none
from plait.common.redaction.tokens import JSON_WEB_TOKEN, SERVICE_KEY
from plait.common.redaction.writing import ADDRESS, BEFORE, LOCAL
from plait.gateway.encodings import Decoder, Identity, Undecodable, decoder_for

NAMED: Final = {
    "api-keys": SERVICE_KEY.encode(),
    "private-keys": rb"-----BEGIN [A-Z ]*PRIVATE KEY-----[^\"]*?(?:-----END [A-Z ]*PRIVATE KEY-----|(?=\")|\Z)",
    "tokens": JSON_WEB_TOKEN.encode(),
    "emails": ADDRESS.encode(),
}
"""What can be asked for by name. `tokens` are JSON Web Tokens."""
_OWN: Final = "own"
_AROUND: Final = {
    "api-keys": rb"%b[\w-]+",
    "private-keys": rb"%b(?:(?:[^\"\[]|\[(?!redacted:private-keys))*?-----END [A-Z ]*PRIVATE KEY-----"
    rb"|(?:[\w+/=]|\\n)+)",
    "tokens": rb"%b[\w-]+(?:\.[\w-]+)*",
    "emails": f"{BEFORE}{LOCAL}{{0,64}}".replace("%", "%%").encode() + rb"%b(?:[\w-]+(?:\.[\w-]+)*)?",
}
"""A mark with the rest of its secret beside it: of one that was cut, a part was long enough to be found.

A key's end is sought up to the next mark: sought by each mark through the whole body, it takes time by the square.
"""
_STEP: Final = 8 * 1024
"""Bytes that are looked through at a time: with what is held, a few milliseconds even when they are made to be slow."""
_MOST_HELD: Final = 16 * 1024
_MOST_MATCHED: Final = 2 * _MOST_HELD
_LONGEST: Final = 8 * 1024
"""Bytes of the longest match that is found although it is cut into pieces."""


class Redactor:
    """Patterns, and what becomes of a body."""

    def __init__(self, names: Iterable[str], own: Iterable[str] = ()) -> None:
        """Names out of `NAMED`, and regular expressions.

        Raises:
            ValueError: a name is unknown, or an expression is none, or matches the empty text.
        """
        named = [name.strip() for name in names]
        if unknown := [name for name in named if name not in NAMED]:
            raise ValueError(f"{unknown[0]} is no pattern: there are {', '.join(NAMED)}")
        self._patterns = [(re.compile(NAMED[name]), b"[redacted:%b]" % name.encode()) for name in named]
        self._patterns += [(_compiled(each), b"[redacted:%b]" % _OWN.encode()) for each in own]
        marks = [(b"[redacted:%b]" % name.encode(), _AROUND[name]) for name in named]
        self._around = [(re.compile(around % re.escape(mark)), mark) for mark, around in marks]

    def __bool__(self) -> bool:
        return bool(self._patterns)

    def text(self, body: bytes) -> bytes:
        """The body without what the patterns find."""
        for pattern, mark in self._patterns:
            body = pattern.sub(mark, body)
        return body

    def before_matches(self, body: bytes, end: int) -> int:
        """The last place up to `end` that lies in no match."""
        if end == 0:
            return 0
        spans = [match.span() for pattern, _ in self._patterns for match in pattern.finditer(body)]
        while cut := [start for start, stop in spans if start < end < stop]:
            end = min(cut)
        return end

    def whole(self, body: bytes, encoding: str) -> bytes:
        """A body that is all there, decoded; what cannot be decoded, and so not be read, is left out."""
        pieces = Pieces(self, encoding)
        return pieces.feed(body) + pieces.rest()

    def response(self, event: ResponseEvent) -> ResponseEvent:
        """The event with a message that holds none that was cut into several events of its stream."""
        data = event.data
        if not isinstance(data.body, Raw):
            return event
        before = bytes(data.body)
        body = before
        for around, mark in self._around:
            body = around.sub(mark, body)
        body = self.text(body)
        if body == before:
            return event
        if json_or_none(body) is not None:
            return replace(event, data=replace(data, body=Raw(body)))
        return replace(event, data=replace(data, body=UNSET, body_base64=body))


class Pieces:
    """A body in pieces: of each as much is given as cannot belong to a match that goes on in the next.

    What is in hand ends at a line's end, or, in a long line, so far before its end that a match fits.
    """

    def __init__(self, redactor: Redactor, encoding: str) -> None:
        self._redactor = redactor
        self._held = b""
        self._enough = 0
        self._decoder: Decoder | None = None
        try:
            self._decoder = decoder_for(encoding)
        except Undecodable:
            return

    @property
    def is_encoded(self) -> bool:
        """Whether there is anything to decode."""
        return not isinstance(self._decoder, Identity)

    def feed(self, piece: bytes) -> bytes:
        """What may be recorded of the body now."""
        return b"".join([self.take(part) for part in steps(self.decoded(piece))])

    def decoded(self, piece: bytes) -> bytes:
        """What the next bytes of the body are, as far as they tell; `take` wants them, step by step."""
        if self._decoder is None:
            return b""
        try:
            return self._decoder.feed(piece)
        except Undecodable as fault:
            return fault.decoded

    def take(self, part: bytes) -> bytes:
        """As `feed`, for decoded bytes of which there are few."""
        self._held += part
        if len(self._held) < self._enough:  # not each piece of a long match is looked through from its beginning
            return b""
        end = self._held.rfind(b"\n") + 1
        if len(self._held) > _MOST_HELD:
            end = max(end, len(self._held) - _LONGEST)
        end = self._redactor.before_matches(self._held, end)
        if len(self._held) > _MOST_MATCHED and end == 0:  # a match that has no end is not waited for
            end = len(self._held)
        given, self._held = self._held[:end], self._held[end:]
        self._enough = 0 if given or len(self._held) <= _MOST_HELD else len(self._held) + _LONGEST
        return self._redactor.text(given)

    def rest(self) -> bytes:
        """What is left at the body's end."""
        held, self._held = self._held, b""
        return self._redactor.text(held)


def steps(data: bytes) -> Iterator[bytes]:
    """The same bytes, so many at a time as `take` gets through without holding anybody up."""
    return (data[at : at + _STEP] for at in range(0, len(data), _STEP))


def _compiled(expression: str) -> re.Pattern[bytes]:
    try:
        pattern = re.compile(expression.encode())
    except re.error as error:
        raise ValueError(f"{expression!r} is no regular expression: {error}") from error
    if pattern.match(b""):
        raise ValueError(f"{expression!r} matches the empty text")
    return pattern
