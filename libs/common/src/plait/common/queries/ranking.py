"""Conversations in any order, narrowed by anything: by the sums that are kept of them (0013_conversation_sums.sql).

Every order has an index there, which is read from either end: a page costs no more among many conversations than among
few. The order is that of the sums when they were last made, some moments ago at most; what a page shows is exact.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final, Literal
from uuid import UUID

from plait.common.queries.conversations import (
    ConversationFilter,
    ConversationSummary,
    read_conversations,
    values_of,
)
from plait.common.queries.named import Statement, statements
from plait.common.queries.paging import COUNTED, Counts, Listed, Page, Reader, paginate

Order = Literal[
    "activity", "title", "model", "branches", "domain", "account", "requests", "tokens", "cost", "context", "duration"
]
KEYS: Final[Mapping[Order, str]] = {
    "activity": "c.last_time",
    "title": "lower(left(c.title, 100))",
    "model": "left(c.models[1], 100)",
    "branches": "c.branch_count",
    "domain": "c.domain",
    "account": "c.account_id",
    "requests": "c.request_count",
    "tokens": "c.total_tokens",
    "cost": "c.cost_usd",
    "context": "c.context_tokens",
    "duration": "(c.last_time - c.first_time)",
}
"""What each order goes by, as its index has it."""
ORDERS: Final[tuple[Order, ...]] = tuple(KEYS)
_SQL: Final = statements("conversations")
_COUNTS: Final = Counts(count=_SQL["ranked_count"], matching=_SQL["sums"])


def _ranked(key: str, way: str) -> Statement:
    statement = _SQL["ranked"]
    return replace(statement, sql=statement.sql.replace("{key}", key).replace("{way}", way))


_FALLING: Final = {order: _ranked(key, "DESC") for order, key in KEYS.items()}
_RISING: Final = {order: _ranked(key, "ASC") for order, key in KEYS.items()}


async def rank_conversations(
    db: Reader, where: ConversationFilter, order: Order, page: Page, *, rising: bool = False
) -> Listed[ConversationSummary]:
    """A page (by its offset) of the conversations that match, the highest first, or with `rising` the lowest.

    What an order goes by may be lacking (a title, a price): such conversations come last in both.
    """
    values = values_of(where)
    place = {"limit": page.limit + 1, "offset": page.offset, "bound": page.offset + page.limit + 1}
    sql, arguments = (_RISING if rising else _FALLING)[order].bind({**values, **place})
    found: list[UUID] = [record["id"] for record in await db.fetch(sql, *arguments)]
    listed = await paginate(db, page, found, None, _COUNTS, values)
    return Listed(rows=await read_conversations(db, listed.rows), pagination=listed.pagination)


async def active_conversations(db: Reader, where: ConversationFilter, starts: Sequence[datetime]) -> list[int] | None:
    """How many that match were last active in each stretch of time; None where they are too many to count."""
    sql, arguments = _SQL["active"].bind({**values_of(where), "starts": list(starts), "counted": COUNTED + 1})
    counts: Mapping[int, int] = {row["stretch"]: row["conversations"] for row in await db.fetch(sql, *arguments)}
    if sum(counts.values()) > COUNTED:
        return None
    return [counts.get(number, 0) for number in range(1, len(starts) + 1)]


async def running_conversations(db: Reader, ids: Collection[UUID]) -> set[UUID]:
    """Those of them that have an exchange which has not ended."""
    sql, arguments = _SQL["running"].bind({"ids": list(ids)})
    return {row["conversation_id"] for row in await db.fetch(sql, *arguments)}


async def titles_of(db: Reader, ids: Collection[UUID]) -> dict[UUID, str | None]:
    """The titles of conversations."""
    sql, arguments = _SQL["titles"].bind({"ids": list(ids)})
    return {row["id"]: row["title"] for row in await db.fetch(sql, *arguments)}
