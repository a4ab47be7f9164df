"""Which usage has no price, and by which lists the rest is priced."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Final

from msgspec import Struct

from plait.common.postgres import Database

_UNPRICED: Final = """
SELECT
    model, service_tier AS tier, speed, raw ->> 'inference_geo' AS geography, count(*) AS exchanges,
    min(started_at) AS first, max(started_at) AS last
FROM usage WHERE cost_usd IS NULL
GROUP BY 1, 2, 3, 4
ORDER BY count(*) DESC, model, tier, speed, geography
"""
_PRICED: Final = """
SELECT price_version AS version, count(*) AS exchanges, sum(cost_usd) AS cost, max(started_at) AS last
FROM usage WHERE cost_usd IS NOT NULL
GROUP BY 1 ORDER BY max(started_at) DESC, 1
"""


class Unpriced(Struct, frozen=True):
    """Exchanges of one model and tariff for which nobody tells a price."""

    model: str | None
    tier: str | None
    speed: str | None
    geography: str | None
    exchanges: int
    first: datetime
    last: datetime


class Priced(Struct, frozen=True):
    """Exchanges that one price list priced, or several together."""

    version: str
    exchanges: int
    cost: Decimal
    last: datetime


async def check(database: Database) -> tuple[list[Priced], list[Unpriced]]:
    """All usage, by how it is priced.

    Raises:
        DependencyDown: the database is away.
    """
    async with database.transaction() as connection:
        priced = [Priced(**row) for row in await connection.fetch(_PRICED)]
        return priced, [Unpriced(**row) for row in await connection.fetch(_UNPRICED)]
