"""Undoes content encodings piece by piece, for the record alone; never more than a bound comes out."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import Final, Protocol

import brotli
import zstandard

from plait.common.errors import PlaitError
from plait.common.topics import MAX_EVENT_BYTES

MOST_DECODED: Final = MAX_EVENT_BYTES * 3 // 4
"""Bytes of a decoded body that an event can hold."""
_SLICE: Final = 1024
"""Bytes given to a decoder at a time: what they can swell to (zstd: 32 MB) bounds the memory of a bomb."""


class Undecodable(PlaitError):
    """The body is not what its content encoding says, or it is larger decoded than an event can hold."""


class Decoder(Protocol):
    """Undoes one encoding."""

    def feed(self, data: bytes) -> bytes:
        """What the next bytes decode to, as far as they tell.

        Raises:
            Undecodable: they are damaged, or too much.
        """
        ...


class Identity:
    """No encoding."""

    def feed(self, data: bytes) -> bytes:
        """The same bytes."""
        return data


class _Zlib:
    """gzip, of one member or several; deflate with zlib's header or, as some servers send it, without."""

    def __init__(self, *bits: int) -> None:
        self._first = True
        self._bits = list(bits)
        self._inner = zlib.decompressobj(self._bits[0])

    def decode(self, data: bytes) -> bytes:
        try:
            out = self._inner.decompress(data)
        except zlib.error:
            if not self._first or len(self._bits) == 1:
                raise
            self._inner = zlib.decompressobj(self._bits.pop())
            out = self._inner.decompress(data)
        self._first = False
        while self._inner.eof and (rest := self._inner.unused_data):
            self._inner = zlib.decompressobj(self._bits[0])
            out += self._inner.decompress(rest)
        return out


class _Brotli:
    def __init__(self) -> None:
        self._inner = brotli.Decompressor()

    def decode(self, data: bytes) -> bytes:
        return bytes(self._inner.process(data))


class _Zstd:
    def __init__(self) -> None:
        self._inner = zstandard.ZstdDecompressor().decompressobj(read_across_frames=True)

    def decode(self, data: bytes) -> bytes:
        return self._inner.decompress(data)


class _Inner(Protocol):
    def decode(self, data: bytes) -> bytes: ...


_MAKERS: Final[dict[str, Callable[[], _Inner]]] = {
    "gzip": lambda: _Zlib(31),
    "x-gzip": lambda: _Zlib(31),
    "deflate": lambda: _Zlib(15, -15),
    "br": _Brotli,
    "zstd": _Zstd,
}
_DAMAGE: Final = (zlib.error, brotli.error, zstandard.ZstdError)


class _Bounded:
    """A chain of decoders, the last encoding applied undone first."""

    def __init__(self, names: Iterable[str], most: int) -> None:
        self._chain = [_MAKERS[name]() for name in names]
        self._left = most

    def feed(self, data: bytes) -> bytes:
        return b"".join(self._decoded(data))

    def _decoded(self, data: bytes) -> Iterator[bytes]:
        for start in range(0, len(data), _SLICE):
            part = data[start : start + _SLICE]
            try:
                for decoder in self._chain:
                    part = decoder.decode(part)
            except _DAMAGE as error:
                raise Undecodable(str(error)) from error
            self._left -= len(part)
            if self._left < 0:
                raise Undecodable
            yield part


def decoder_for(encoding: str, most: int = MOST_DECODED) -> Decoder:
    """A decoder for the value of a Content-Encoding field.

    Raises:
        Undecodable: an encoding that we do not know.
    """
    names = [name for part in encoding.split(",") if (name := part.strip().lower()) not in ("", "identity")]
    if unknown := [name for name in names if name not in _MAKERS]:
        raise Undecodable(f"unknown content encoding {unknown[0]}")
    return _Bounded(reversed(names), most) if names else Identity()
