"""Header fields: which pass, and as what. Names and values are bytes as received; names in requests lower-case."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

Fields = list[tuple[bytes, bytes]]

HOP_BY_HOP: Final = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    }
)
_NOT_TO_UPSTREAM: Final = HOP_BY_HOP | {b"host", b"content-length", b"expect"}
_NOT_TO_CLAUDE: Final = _NOT_TO_UPSTREAM | {b"cookie"}
OURS: Final = b"x-plait-"
TAG: Final = b"x-plait-tag"
REQUEST_ID: Final = b"x-request-id"
_NOT_TO_CLIENT: Final = HOP_BY_HOP | {REQUEST_ID}


def to_claude(fields: Fields) -> Fields:
    """The request's end-to-end fields; Host and the body's length are set anew, cookies and `x-plait-*` stay here."""
    return [field for field in _without(fields, _NOT_TO_CLAUDE) if not field[0].startswith(OURS)]


def to_service(fields: Fields) -> Fields:
    """The same for a service of our own, which may have cookies."""
    return _without(fields, _NOT_TO_UPSTREAM)


def to_client(fields: Iterable[tuple[bytes, bytes]], status: int) -> Fields:
    """The answer's end-to-end fields. The server refuses a length on an answer that never has a body."""
    kept = _without(list(fields), _NOT_TO_CLIENT)
    return [field for field in kept if field[0].lower() != b"content-length"] if status in (204, 304) else kept


def value_of(fields: Iterable[tuple[bytes, bytes]], name: bytes) -> bytes | None:
    """The first value of a field, None when it is not there."""
    return next((value for given, value in fields if given.lower() == name), None)


def _without(fields: Fields, unwanted: frozenset[bytes]) -> Fields:
    listed = (value.split(b",") for name, value in fields if name.lower() == b"connection")
    gone = unwanted | {part.strip().lower() for parts in listed for part in parts}
    return [field for field in fields if field[0].lower() not in gone]
