"""Rows of the `usage` table, from the events that say how an exchange ended."""

from __future__ import annotations

from typing import Any, Final, TypeAlias

import msgspec

from plait.common.errors import BadRecord
from plait.common.events import ResponseData
from plait.common.usage import parse

Row: TypeAlias = "tuple[Any, ...]"
"""In the order of the columns of `statements.ADD`."""

_INDEXED: Final = 255
"""Characters of a text that an index holds: Postgres takes at most 2,700 bytes there."""


def row_of(answer: ResponseData) -> Row | None:
    """The row of an exchange; None when its answer reported no usage, as those of count_tokens and errors do.

    Raises:
        BadRecord: what stands in the place of the usage cannot be read.
    """
    reported = _reported(answer)
    if not reported:
        return None
    usage = parse(reported)
    return (
        answer.exchange_id,
        _text(answer.domain),
        _text(answer.account_id),
        _text(answer.model),
        answer.started_at,
        usage.input_tokens,
        usage.output_tokens,
        usage.cache_read_tokens,
        usage.cache_creation_tokens,
        usage.cache_creation_5m_tokens,
        usage.cache_creation_1h_tokens,
        usage.web_search_requests,
        usage.web_fetch_requests,
        _text(usage.service_tier),
        answer.outcome != "complete",
        _storable_json(reported),
    )


def _reported(answer: ResponseData) -> dict[str, Any] | None:
    if not isinstance(answer.usage, msgspec.Raw):
        return None
    try:
        usage = msgspec.json.decode(answer.usage)
    except (msgspec.DecodeError, RecursionError) as error:
        raise BadRecord(f"usage cannot be read: {type(error).__name__}") from None
    return usage if isinstance(usage, dict) else None


def _text(value: str | None) -> str | None:
    """Postgres takes every character in text but NUL."""
    return None if value is None else value.replace("\0", "")[:_INDEXED]


def _storable_json(value: dict[str, Any]) -> str:
    """JSON text that a jsonb column takes: any but one with NUL in a string."""
    text = msgspec.json.encode(value).decode()
    return msgspec.json.encode(_without_nul(value)).decode() if "\\u0000" in text else text


def _without_nul(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace("\0", "")
    if isinstance(value, dict):
        return {_without_nul(name): _without_nul(held) for name, held in value.items()}
    if isinstance(value, list):
        return [_without_nul(held) for held in value]
    return value
