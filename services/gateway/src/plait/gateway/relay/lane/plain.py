"""Which requests the lane takes, and what their heads say. Whatever is unusual is not plain."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from msgspec import Struct

from plait.gateway.relay.fields import HOP_BY_HOP, OURS, TAG, Fields
from plait.gateway.relay.lane.heads import split_head

_LINE: Final = re.compile(rb'(GET|POST|PUT|PATCH|DELETE) (?:/t/([^/?# ]+))?(/v1/[!"$-~]*) HTTP/1\.1')
_NUMBER: Final = re.compile(rb"[0-9]{1,15}")
_MOST_REMEMBERED: Final = 256
"""Few, because a hostile one may have 64 KB; more than clients have at a time."""

# What becomes of a field: numbers, because this is looked up for every field of every request.
_PASSED, _HOST, _AUTHORIZATION, _API_KEY, _LENGTH, _CONNECTION, _TAG, _DROPPED, _UNUSUAL = range(9)
_TREATMENTS: Final = dict.fromkeys(HOP_BY_HOP | {b"expect", b"origin", b"http2-settings"}, _UNUSUAL) | {
    b"host": _HOST,
    b"authorization": _AUTHORIZATION,
    b"x-api-key": _API_KEY,
    b"content-length": _LENGTH,
    b"connection": _CONNECTION,
    b"cookie": _DROPPED,
    TAG: _TAG,
}


class PlainRequest(Struct, frozen=True, gc=False):
    """The head of a request that the lane can carry."""

    method: bytes
    tag: bytes | None
    """Of the path, else of the field for it."""
    target: bytes
    """Path and query as they go upstream, byte for byte."""
    fields: Fields
    """All, as received."""
    passing: Fields
    """Those that go upstream as they are, if the credentials among them are the client's own; without the length."""
    host: bytes | None
    authorization: bytes | None
    api_key: bytes | None
    length: int | None
    """Bytes of the body; None when none is said to come."""


def read_request(head: bytes) -> PlainRequest | None:
    """What a whole head (with its empty line) says; None when it is not plain.

    It is to be shown to llhttp as well: whether a head is good HTTP is decided there, and only there.
    """
    split = split_head(head)
    line = _LINE.fullmatch(split[0]) if split is not None else None
    if split is None or line is None:
        return None
    passing: Fields = []
    special: list[bytes | None] = [None] * _UNUSUAL
    for field in split[1]:
        treatment = _treatment(field[0])
        if not treatment:
            passing.append(field)
        elif treatment == _UNUSUAL or special[treatment] is not None:
            return None
        elif treatment != _DROPPED:
            special[treatment] = field[1]
            if treatment <= _API_KEY and treatment != _HOST:
                passing.append(field)
    _, host, authorization, api_key, length, connection, tag, _ = special
    if length is not None and not _NUMBER.fullmatch(length):
        return None
    if connection is not None and connection.lower() != b"keep-alive":
        return None
    size = None if length is None else int(length)
    return PlainRequest(line[1], line[2] or tag, line[3], split[1], passing, host, authorization, api_key, size)


@lru_cache(_MOST_REMEMBERED)
def _treatment(name: bytes) -> int:
    low = name.lower()
    return _TREATMENTS.get(low, _DROPPED if low.startswith(OURS) else _PASSED)
