"""Which requests the lane takes, and what their heads say. Whatever is unusual is not plain."""

from __future__ import annotations

import re
from enum import IntEnum
from functools import lru_cache
from typing import Final, NamedTuple

from plait.gateway.relay.fields import HOP_BY_HOP, OURS, TAG, Fields

_LINE: Final = re.compile(rb'(GET|POST|PUT|PATCH|DELETE) (?:/t/([^/?# ]+))?(/v1/[!"$-~]*) HTTP/1\.1\r\n')
_FIELD: Final = re.compile(rb"(?<=\n)([!#-'*+.^-z|~\-]+):[ \t]*([^\r\n]*)\r\n", re.IGNORECASE)
_NUMBER: Final = re.compile(rb"[0-9]{1,15}")
_MOST_REMEMBERED: Final = 4096


class Treatment(IntEnum):
    """What becomes of a request's field."""

    PASSED = 0
    HOST = 1
    AUTHORIZATION = 2
    API_KEY = 3
    LENGTH = 4
    CONNECTION = 5
    TAG = 6
    DROPPED = 7
    UNUSUAL = 8


_TREATMENTS: Final = dict.fromkeys(HOP_BY_HOP | {b"expect", b"origin", b"http2-settings"}, Treatment.UNUSUAL) | {
    b"host": Treatment.HOST,
    b"authorization": Treatment.AUTHORIZATION,
    b"x-api-key": Treatment.API_KEY,
    b"content-length": Treatment.LENGTH,
    b"connection": Treatment.CONNECTION,
    b"cookie": Treatment.DROPPED,
    TAG: Treatment.TAG,
}


_CREDENTIALS: Final = frozenset({Treatment.AUTHORIZATION, Treatment.API_KEY})


class PlainRequest(NamedTuple):
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
    line = _LINE.match(head)
    if line is None or _has_odd_space(head):
        return None
    fields: Fields = _FIELD.findall(head, line.end() - 1)
    if len(fields) != head.count(b"\n") - 2:
        return None
    passing: Fields = []
    special: list[bytes | None] = [None] * len(Treatment)
    for field in fields:
        treatment = _treatment(field[0])
        if not treatment:
            passing.append(field)
        elif treatment == Treatment.UNUSUAL or special[treatment] is not None:
            return None
        elif treatment != Treatment.DROPPED:
            special[treatment] = field[1]
            if treatment in _CREDENTIALS:
                passing.append(field)
    _, host, authorization, api_key, length, connection, tag, *_ = special
    if (length and not _NUMBER.fullmatch(length)) or (connection and connection.lower() != b"keep-alive"):
        return None
    size = None if length is None else int(length)
    return PlainRequest(line[1], line[2] or tag, line[3], fields, passing, host, authorization, api_key, size)


def _has_odd_space(head: bytes) -> bool:
    """White space at the end of a value, or a folded line: whether they are legal is not for the lane to say."""
    return b" \r\n" in head or b"\t\r\n" in head or b"\r\n " in head or b"\r\n\t" in head


@lru_cache(_MOST_REMEMBERED)
def _treatment(name: bytes) -> int:
    low = name.lower()
    return _TREATMENTS.get(low, Treatment.DROPPED if low.startswith(OURS) else Treatment.PASSED)
