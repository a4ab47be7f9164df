"""How a body gets into an event: verbatim when it is JSON, else as base64, else, when it fits no event, not at all."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, NamedTuple

from msgspec import UNSET, Raw, UnsetType

from plait.common.events import Header, LeftOut, json_or_none
from plait.common.lenient import mended, unmended
from plait.common.topics import MAX_EVENT_BYTES
from plait.gateway.encodings import MOST_DECODED, Undecodable, decoder_for

MOST_RAW: Final = MAX_EVENT_BYTES * 5 // 8
"""Bytes of a body that an event can hold as base64, which takes a third more."""


class Embedded(NamedTuple):
    """A body as an event holds it, and its value if it is JSON."""

    body: Raw | UnsetType
    body_base64: bytes | UnsetType
    value: Any = None
    left_out: LeftOut | UnsetType = UNSET


TOO_LARGE: Final = Embedded(UNSET, UNSET, left_out="too_large")


def embed(raw: bytes, encoding: str, *, keep_encoded: bool) -> Embedded:
    """`raw` as received. What is not JSON is kept as received (`keep_encoded`) or decoded as far as it can be."""
    try:
        decoded = decoder_for(encoding).feed(raw)
    except Undecodable as fault:
        decoded = fault.decoded
        if not decoded:
            return _as_base64(raw)
    kept = raw if keep_encoded else decoded
    if len(decoded) > MOST_DECODED:
        return _as_base64(kept)
    if (value := json_or_none(decoded)) is not None:
        return Embedded(Raw(decoded), UNSET, value)
    # What only the lenient decoder takes stays as it is, and is understood all the same.
    return _as_base64(kept)._replace(value=mended(unmended(decoded)))


def field(headers: Iterable[Header], name: str) -> str:
    """All values of a header field, joined by commas as HTTP has it; empty when it is not there."""
    return ", ".join(value for given, value in headers if given.lower() == name)


def _as_base64(body: bytes) -> Embedded:
    if len(body) > MOST_RAW:
        return TOO_LARGE
    return Embedded(UNSET, body or UNSET)
