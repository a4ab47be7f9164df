"""Content-addressed blobs and hash chains: each message is kept once, however often clients resend it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any, Final

import msgspec
from msgspec import Struct

from plait.common.packing import FAMILIAR_UP_TO, compress, compress_message, decompress, decompress_message

PLAIN: Final = 0
ZSTD: Final = 1
ZSTD_MESSAGE: Final = 2
"""With the dictionary `plait.common.dictionaries.MESSAGES`."""
_WORTH_COMPRESSING: Final = 64
"""Bytes below which a zstd frame's own overhead eats the gain."""

_encoder = msgspec.json.Encoder(order="sorted")


def hash_of(data: bytes) -> bytes:
    """The name of these bytes: the first 20 bytes of their SHA-256.

    Names are kept several times for each message; these are as long as git's, and still no two contents are found that
    share one in less than 2^80 tries.
    """
    return hashlib.sha256(data).digest()[:20]


class Blob:
    """Bytes under their hash: a row of `blobs`."""

    __slots__ = ("data", "hash")

    def __init__(self, data: bytes) -> None:
        """`hash` is that of the plain bytes."""
        self.data = data
        self.hash = hash_of(data)


class Link(Struct, frozen=True):
    """A row of `chains`: the first `depth` messages of a conversation, the last of them being `blob`."""

    hash: bytes
    parent: bytes | None
    blob: bytes
    depth: int


def json_blob(value: Any) -> Blob:
    """A JSON value with sorted keys and no spaces, so that key order does not matter to its name."""
    return Blob(_encoder.encode(value))


def shelve(data: bytes) -> tuple[int, bytes]:
    """`(blobs.encoding, blobs.data)` for plain bytes."""
    if len(data) < _WORTH_COMPRESSING:
        return PLAIN, data
    small = len(data) <= FAMILIAR_UP_TO
    encoding, packed = (ZSTD_MESSAGE, compress_message(data)) if small else (ZSTD, compress(data))
    return (encoding, packed) if len(packed) < len(data) else (PLAIN, data)


def unshelve(encoding: int, data: bytes) -> bytes:
    """The plain bytes of a row of `blobs`.

    Raises:
        ValueError: the encoding is unknown or the data damaged.
    """
    if encoding == PLAIN:
        return data
    if encoding == ZSTD:
        return decompress(data)
    if encoding == ZSTD_MESSAGE:
        return decompress_message(data)
    raise ValueError(f"unknown blob encoding {encoding}")


def chain(hashes: Iterable[bytes]) -> list[Link]:
    """The chain of these blobs in order.

    A link's hash is that of its parent's hash (nothing at the first) and its blob's hash.
    """
    links: list[Link] = []
    parent: bytes | None = None
    for depth, blob in enumerate(hashes, 1):
        link = Link(hash_of((parent or b"") + blob), parent, blob, depth)
        links.append(link)
        parent = link.hash
    return links
