"""Conversations in other orders than by their latest activity, and by what no index finds.

An order that no index has would read every conversation there is. So they are ranked among those with the latest
activity that domain, account and dates let through: `LOOKED` of them, and where an order needs the sums over all
their exchanges, `SUMMED`. What a page costs does not grow with the record.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Final, Literal, get_args
from uuid import UUID

from msgspec import Struct

from plait.common.queries.conversations import (
    ConversationFilter,
    ConversationSummary,
    read_conversations,
    values_of,
)
from plait.common.queries.named import statements
from plait.common.queries.paging import COUNTED, Page, Reader

Order = Literal[
    "activity", "title", "model", "branches", "domain", "account", "requests", "tokens", "cost", "context", "duration"
]
ORDERS: Final[tuple[Order, ...]] = get_args(Order)
LOOKED: Final = 10_000
SUMMED: Final = 1_000
_SUMS: Final = ("tokens", "cost")
_SQL: Final = statements("conversations")


class Ranked(Struct, frozen=True, kw_only=True):
    """A page of conversations in an order."""

    rows: list[ConversationSummary]
    total: int
    """How many match; 0 also on a page behind the last."""
    bound: int | None
    """Only so many with the latest activity were looked at, and there are more; None: all were."""


async def rank_conversations(
    db: Reader, where: ConversationFilter, order: Order, page: Page, *, rising: bool = False
) -> Ranked:
    """A page (by its offset) of the conversations that match, the highest first, or with `rising` the lowest."""
    looked = SUMMED if order in _SUMS else LOOKED
    chosen = {f"by_{name}": True if name == order else None for name in ORDERS}
    direction = {"rising": rising or None, "falling": None if rising else True}
    place = {"looked": looked, "limit": page.limit, "offset": page.offset}
    sql, arguments = _SQL["ranked"].bind({**values_of(where), **chosen, **direction, **place})
    found = await db.fetch(sql, *arguments)
    if not found:
        return Ranked(rows=[], total=0, bound=None)
    rows = await read_conversations(db, [record["id"] for record in found])
    return Ranked(rows=rows, total=found[0]["total"], bound=looked if found[0]["looked"] == looked else None)


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
