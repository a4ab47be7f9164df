"""Rows of the `usage` table, from the events that say how an exchange ended."""

from __future__ import annotations

from typing import Any, Final, TypeAlias

import msgspec

from plait.common.errors import BadRecord
from plait.common.events import ResponseData
from plait.common.limits import is_subscription
from plait.common.pricing.book import PriceBook
from plait.common.pricing.cost import Cost, cost_of
from plait.common.usage import Usage, parse

Row: TypeAlias = "tuple[Any, ...]"
"""In the order of the columns of a statement."""

_INDEXED: Final = 255
"""Characters of a text that an index holds: Postgres takes at most 2,700 bytes there."""
_UNPRICED: Final = ("{}", None, None)


class Used(msgspec.Struct, frozen=True):
    """What an exchange used and cost."""

    answer: ResponseData
    usage: Usage
    cost: Cost | None
    subscription: bool
    imported: bool
    raw: dict[str, Any]

    def row(self) -> Row:
        """For `statements.ADD`."""
        answer, usage = self.answer, self.usage
        return (
            answer.exchange_id,
            stored_text(answer.domain),
            stored_text(answer.account_id),
            stored_text(answer.model),
            answer.started_at,
            _figures(usage),
            stored_text(usage.service_tier),
            stored_text(usage.speed),
            self.subscription,
            answer.outcome != "complete",
            *cost_columns(self.cost),
            _storable_json(self.raw),
            self.imported,
        )


def used(answer: ResponseData, book: PriceBook, *, imported: bool = False) -> Used | None:
    """What an exchange used; None when its answer reported no usage, as those of count_tokens and errors do.

    Raises:
        BadRecord: what stands in the place of the usage cannot be read.
    """
    reported = _reported(answer)
    if not reported:
        return None
    usage = parse(reported)
    cost = cost_of(book, usage, answer.model, answer.started_at)
    return Used(answer, usage, cost, is_subscription(answer.headers), imported, reported)


def cost_columns(cost: Cost | None) -> Row:
    """Total and parts as Postgres writes an array, version, models. One column takes asyncpg as long as one figure."""
    if cost is None:
        return _UNPRICED
    dollars = (cost.total, cost.input, cost.output, cost.cache_5m, cost.cache_1h, cost.cache_read, cost.tools)
    return f"{{{','.join(map(str, dollars))}}}", cost.version, stored_text(cost.models)


def _figures(usage: Usage) -> str:
    """As Postgres writes an array."""
    tokens = usage.tokens
    return (
        f"{{{tokens.input},{tokens.output},{usage.thinking_tokens},{tokens.cache_read},{tokens.cache_creation},"
        f"{tokens.cache_creation_5m},{tokens.cache_creation_1h},{usage.web_search_requests},{usage.web_fetch_requests}}}"
    )


def stored_text(value: str | None) -> str | None:
    """Postgres takes every character in text but NUL."""
    return None if value is None else value.replace("\0", "")[:_INDEXED]


def _reported(answer: ResponseData) -> dict[str, Any] | None:
    if not isinstance(answer.usage, msgspec.Raw):
        return None
    try:
        usage = msgspec.json.decode(answer.usage)
    except (msgspec.DecodeError, RecursionError) as error:
        raise BadRecord(f"usage cannot be read: {type(error).__name__}") from None
    return usage if isinstance(usage, dict) else None


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
