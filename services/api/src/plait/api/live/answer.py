"""A running answer as it is told to who watches it: what was there, then each piece in its order, then its end."""

from __future__ import annotations

import codecs
from collections.abc import Iterator, Sequence
from typing import Final

from plait.api.live.news import frame
from plait.api.live.tails import Pieces
from plait.common.events import Piece

_LAST: Final = "event: message_stop"
"""What a stream that was not cut ends with."""
_LOOKED_AT: Final = 200


class Answer:
    """Pieces of one answer, each told once and in order, wherever they come from."""

    def __init__(self, after: int = -1) -> None:
        """`after`: the number of the last piece that the reader has."""
        self._after = after
        self._next = 0
        self._ahead: dict[int, Piece] = {}
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self._end = ""

    @property
    def is_waiting(self) -> bool:
        """Whether a piece is missing before some that are here."""
        return bool(self._ahead)

    @property
    def is_whole(self) -> bool:
        """Whether the stream has come to its own end."""
        return _LAST in self._end and not self._ahead

    @property
    def is_empty(self) -> bool:
        """Whether no piece has come."""
        return not self._next

    def take(self, found: Pieces) -> Iterator[bytes]:
        """The frames of what can be told now."""
        for number, piece in enumerate(found.pieces, found.first):
            if number >= self._next:
                self._ahead[number] = piece
        yield from self._tell()

    def skip(self) -> Iterator[bytes]:
        """Go on behind a piece that does not come."""
        if self._ahead:
            self._next = min(self._ahead)
            yield from self._tell()

    def _tell(self) -> Iterator[bytes]:
        while (piece := self._ahead.pop(self._next, None)) is not None:
            text = self._decoder.decode(piece.data)
            self._end = (self._end + text)[-_LOOKED_AT:]
            if self._next > self._after:
                yield _frame(self._next, piece.offset_ms, text)
            self._next += 1


def whole(text: str) -> bytes:
    """The one piece of an answer that was no stream."""
    return _frame(0, 0.0, text)


def stored(pieces: Sequence[tuple[int, Piece]]) -> list[Pieces]:
    """Pieces as the database has them."""
    return [Pieces(number, [piece]) for number, piece in pieces]


def _frame(index: int, offset_ms: float, text: str) -> bytes:
    return frame("piece", {"index": index, "offsetMs": round(offset_ms, 2), "data": text}, str(index))
