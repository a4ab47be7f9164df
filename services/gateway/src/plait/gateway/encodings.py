"""Undoes content encodings piece by piece, for the record alone; never more than a bound comes out."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from functools import partial
from typing import Final, Protocol

import brotli
import zstandard

from plait.common.errors import PlaitError
from plait.common.topics import MAX_EVENT_BYTES

MOST_DECODED: Final = MAX_EVENT_BYTES * 3 // 4
"""Bytes of a decoded body that an event can hold."""
_SLICE: Final = 1024
"""Bytes given to a decoder at a time: what they can swell to (zstd: 32 MB) bounds the memory of a bomb. Of brotli a
kilobyte can become gigabytes, so it is asked for no more than a step at a time."""
_STEP: Final = 1 << 20
_TOO_MUCH: Final = "larger than an event can hold"


class Undecodable(PlaitError):
    """The body is not what its content encoding says, or it is larger decoded than an event can hold."""

    def __init__(self, message: str, decoded: bytes = b"") -> None:
        super().__init__(message)
        self.decoded = decoded
        """What these bytes gave before the damage."""


class Decoder(Protocol):
    """Undoes one encoding."""

    def feed(self, data: bytes) -> bytes:
        """What the next bytes decode to, as far as they tell.

        Raises:
            Undecodable: they are damaged, or too much, or come after such bytes.
        """
        ...


class Identity:
    """No encoding."""

    def feed(self, data: bytes) -> bytes:
        """The same bytes."""
        return data


class _Stream(Protocol):
    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, /) -> bytes: ...


class _Members:
    """One gzip member or zstd frame, or several one after another."""

    def __init__(self, make: Callable[[], _Stream]) -> None:
        self._make = make
        self._inner = make()

    def decode(self, data: bytes) -> bytes:
        out = self._inner.decompress(data)
        while self._inner.eof and (rest := self._inner.unused_data):
            self._inner = self._make()
            try:
                out += self._inner.decompress(rest)
            except _DAMAGE as error:
                raise Undecodable(str(error), out) from error
        return out


class _Deflate:
    """With zlib's header or, as some servers send it, without: the first two bytes tell (RFC 1950, 2.2)."""

    def __init__(self) -> None:
        self._head = b""
        self._inner: _Members | None = None

    def decode(self, data: bytes) -> bytes:
        if self._inner is None:
            self._head += data
            if len(self._head) < 2:
                return b""
            has_header = self._head[0] & 15 == 8 and int.from_bytes(self._head[:2], "big") % 31 == 0
            self._inner = _Members(partial(zlib.decompressobj, 15 if has_header else -15))
            data = self._head
        return self._inner.decode(data)


class _Brotli:
    def __init__(self) -> None:
        self._inner = brotli.Decompressor()

    def decode(self, data: bytes) -> bytes:
        out = bytearray(self._inner.process(data, output_buffer_limit=_STEP))
        while not self._inner.can_accept_more_data():
            if len(out) > MOST_DECODED:
                raise Undecodable(_TOO_MUCH)
            out += self._inner.process(b"", output_buffer_limit=_STEP)
        return bytes(out)


class _Inner(Protocol):
    def decode(self, data: bytes) -> bytes: ...


_MAKERS: Final[dict[str, Callable[[], _Inner]]] = {
    "gzip": lambda: _Members(partial(zlib.decompressobj, 31)),
    "x-gzip": lambda: _Members(partial(zlib.decompressobj, 31)),
    "deflate": _Deflate,
    "br": _Brotli,
    "zstd": lambda: _Members(lambda: zstandard.ZstdDecompressor().decompressobj()),
}
_DAMAGE: Final = (zlib.error, brotli.error, zstandard.ZstdError)


class _Bounded:
    """A decoder that stops at a bound, or at damage."""

    def __init__(self, inner: _Inner, most: int) -> None:
        self._inner = inner
        self._left = most
        self._fault = ""

    def feed(self, data: bytes) -> bytes:
        starts = range(0, len(data), _SLICE)
        decoded = b"".join([self._undo(data[start : start + _SLICE]) for start in starts if not self._fault])
        if self._fault:
            raise Undecodable(self._fault, decoded)
        return decoded

    def _undo(self, part: bytes) -> bytes:
        try:
            part = self._inner.decode(part)
        except Undecodable as error:
            self._fault, part = str(error), error.decoded
        except _DAMAGE as error:
            self._fault, part = str(error) or "damaged", b""
        self._left -= len(part)
        if self._left < 0:
            self._fault, part = _TOO_MUCH, b""
        return part


def decoder_for(encoding: str, most: int = MOST_DECODED) -> Decoder:
    """A decoder for the value of a Content-Encoding field.

    Raises:
        Undecodable: an encoding that we do not know, or one upon another: clients do not send that, and each layer
            multiplies what a bomb becomes.
    """
    names = [name for part in encoding.split(",") if (name := part.strip().lower()) not in ("", "identity")]
    if unknown := [name for name in names if name not in _MAKERS]:
        raise Undecodable(f"unknown content encoding {unknown[0]}")
    if len(names) > 1:
        raise Undecodable("more than one content encoding")
    return _Bounded(_MAKERS[names[0]](), most) if names else Identity()
