"""What one exchange cost, part by part, and who went on from it."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Final
from uuid import UUID

from msgspec import Struct

from plait.common.queries.named import statements
from plait.common.queries.paging import Reader

_SQL: Final = statements("charges")


class Charge(Struct, frozen=True, kw_only=True):
    """Tokens by kind and exact dollars by part; dollars are None where a price is not known."""

    input_tokens: int
    output_tokens: int
    """Thinking included."""
    thinking_tokens: int
    cache_read_tokens: int
    cache_5m_tokens: int
    """Written to the cache for five minutes."""
    cache_1h_tokens: int
    """Written to the cache for an hour."""
    web_search_requests: int
    web_fetch_requests: int
    service_tier: str | None
    speed: str | None
    subscription: bool
    """Nobody is billed: it is what it would have cost."""
    estimated: bool
    """The answer did not end: its figures are those seen last."""
    cost_usd: Decimal | None
    """All parts together."""
    cost_input_usd: Decimal | None
    cost_output_usd: Decimal | None
    cost_cache_5m_usd: Decimal | None
    cost_cache_1h_usd: Decimal | None
    cost_cache_read_usd: Decimal | None
    cost_tools_usd: Decimal | None
    price_version: str | None
    """The price list that was asked."""
    price_model: str | None
    """That list's name of the model; None: it has none."""


class Following(Struct, frozen=True, kw_only=True):
    """An exchange that goes on from another."""

    id: UUID
    preview: str | None
    link_kind: str | None
    branch_id: str | None
    started_at: datetime


async def get_charge(db: Reader, exchange_id: UUID) -> Charge | None:
    """What the ledger wrote of an exchange; None: nothing yet, or no usage was reported."""
    sql, arguments = _SQL["charge"].bind({"id": exchange_id})
    row = await db.fetchrow(sql, *arguments)
    return Charge(**row) if row else None


async def list_following(db: Reader, exchange_id: UUID, *, limit: int = 20) -> list[Following]:
    """The exchanges whose parent it is, oldest first."""
    sql, arguments = _SQL["following"].bind({"id": exchange_id, "limit": limit})
    return [Following(**{**row, "id": UUID(int=row["id"].int)}) for row in await db.fetch(sql, *arguments)]
