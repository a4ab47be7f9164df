"""A spool that keeps bodies without the secrets that patterns find in them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from msgspec.structs import replace

from plait.gateway.redaction import Pieces, Redactor
from plait.gateway.spool.frames import Frame, LongFrame
from plait.gateway.spool.records import End, Head, Headers, Piece, Record, Request, from_frame, to_frame
from plait.gateway.spool.writer import SpoolWriter

_ENCODING: Final = b"content-encoding"


class RedactingSpool(SpoolWriter):
    """Redacts each record before it is written; what of an answer may go on in its next piece is held back for that.

    Bodies are kept decoded, and their headers without the encoding; what cannot be decoded is not kept.
    """

    def __init__(
        self, directory: Path, *, redactor: Redactor, segment_bytes: int, max_bytes: int, always_syncs: bool = False
    ) -> None:
        """As a spool that keeps everything.

        Raises:
            UserError: another process writes this spool.
        """
        super().__init__(directory, segment_bytes=segment_bytes, max_bytes=max_bytes, always_syncs=always_syncs)
        self._redactor = redactor
        self._answers: dict[bytes, Pieces] = {}

    def append_many(self, frames: Sequence[Frame | LongFrame]) -> frozenset[bytes]:
        """As the spool does it."""
        given = [frame.joined() if isinstance(frame, LongFrame) else frame for frame in frames]
        return super().append_many([redacted for frame in given for redacted in self._redacted(frame)])

    def _redacted(self, frame: Frame) -> Iterator[Frame]:
        for record in self._without_secrets(frame.exchange, from_frame(frame)):
            yield to_frame(frame.exchange, record)

    def _without_secrets(self, exchange: bytes, record: Record) -> Iterator[Record]:
        if isinstance(record, Request):
            body = self._redactor.whole(record.body, _encoding(record.headers))
            yield replace(record, headers=_decoded(record.headers), body=body)
        elif isinstance(record, Head):
            self._answers[exchange] = Pieces(self._redactor, _encoding(record.headers))
            yield replace(record, headers=_decoded(record.headers))
        elif isinstance(record, Piece):
            answer = self._answers.get(exchange)
            if answer is not None and (data := answer.feed(record.data)):
                yield replace(record, data=data)
        else:
            yield from self._end(exchange, record)

    def _end(self, exchange: bytes, end: End) -> Iterator[Record]:
        held = self._answers.pop(exchange, None)
        if held is not None and (data := held.rest()):
            yield Piece(end.at_ms or 0, data)
        if (answer := end.answer) is not None:
            data = self._redactor.whole(answer.data, _encoding(answer.headers))
            end = replace(end, answer=replace(answer, headers=_decoded(answer.headers), data=data))
        yield end


def _encoding(headers: Headers) -> str:
    return ", ".join(value.decode("latin-1") for name, value in headers if name.lower() == _ENCODING)


def _decoded(headers: Headers) -> Headers:
    return [field for field in headers if field[0].lower() != _ENCODING]
