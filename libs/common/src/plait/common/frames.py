"""What hardly changes from turn to turn beside the messages, kept once: header fields, and a request's settings.

A frame is the list of header fields, with null for the value of a field that moves, and the settings. What moves is
kept with the exchange. Whatever is thought to move or not, the fields come back as they were.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec

from plait.common.blobs import Blob, json_blob
from plait.common.events import Header
from plait.common.packing import pack_json, unpack_json

_MOVING: Final = frozenset(
    {
        "age",
        "cf-ray",
        "content-length",
        "date",
        "idempotency-key",
        "request-id",
        "server-timing",
        "traceparent",
        "tracestate",
        "x-envoy-upstream-service-time",
        "x-request-id",
        "x-stainless-retry-count",
    }
)
_MOVING_FAMILIES: Final = ("anthropic-ratelimit-", "x-ratelimit-")


def frame_of(headers: Iterable[Header], settings: Mapping[str, Any]) -> tuple[Blob, bytes]:
    """The frame, and packed what is to be kept beside it (`exchange_requests.headers`)."""
    fields, moving = [], []
    for name, value in headers:
        moves = _moves(name)
        fields.append([name, None if moves else value])
        moving += [value] if moves else []
    return json_blob({"headers": fields, "settings": settings}), pack_json(moving)


def headers_of(frame: bytes, kept: bytes) -> list[Header]:
    """The header fields as received.

    Raises:
        ValueError, msgspec.DecodeError: one of the two is damaged, or they do not belong together.
    """
    fields: Sequence[Any] = msgspec.json.decode(frame)["headers"]
    moving: list[str] = unpack_json(kept)
    if len(moving) != sum(value is None for _, value in fields):
        raise ValueError("header values are missing")
    following = iter(moving)
    return [(name, next(following) if value is None else value) for name, value in fields]


def settings_of(frame: bytes) -> dict[str, Any]:
    """The settings of a request's body."""
    found: dict[str, Any] = msgspec.json.decode(frame)["settings"]
    return found


def _moves(name: str) -> bool:
    low = name.lower()
    return low in _MOVING or low.startswith(_MOVING_FAMILIES)
