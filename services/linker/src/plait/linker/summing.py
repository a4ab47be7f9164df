"""The rows of conversations after a change of their trees, and the events that tell of it."""

from __future__ import annotations

from uuid import UUID

import asyncpg

from plait.common.events import ConversationData
from plait.linker import statements
from plait.linker.columns import columns
from plait.linker.trees import Woven


async def sum_up(connection: asyncpg.pool.PoolConnectionProxy, woven: Woven) -> list[ConversationData]:
    """Write the rows of changed conversations, drop those of conversations that moved or were deleted, tell of all."""
    moved: dict[UUID, list[UUID]] = {}
    deleted: dict[UUID, asyncpg.Record] = {}
    if woven.gone:
        deleted = {row["id"]: row for row in await connection.fetch(statements.DROP_CONVERSATIONS, list(woven.gone))}
        for row in await connection.fetch(statements.MOVED, sorted(woven.gone)):
            moved.setdefault(row["conversation_id"], []).append(UUID(int=row["own_id"].int))
            deleted.pop(row["own_id"], None)
    rows: list[asyncpg.Record] = []
    if woven.titles:
        rows += await connection.fetch(statements.PUT_CONVERSATIONS, *columns(sorted(woven.titles.items())))
    if woven.grown:
        freed = [(number, name) for number, names in sorted(woven.freed.items()) for name in sorted(names)]
        given = (*columns(sorted(woven.grown.items())), *(columns(freed) if freed else ([], [])))
        rows += await connection.fetch(statements.GROW_CONVERSATIONS, *given)
    return [*map(_deleted, deleted.values()), *(_data(row, moved.get(row["id"], [])) for row in rows)]


def _data(row: asyncpg.Record, moved: list[UUID]) -> ConversationData:
    return ConversationData(
        conversation_id=UUID(int=row["id"].int),
        revision=row["revision"],
        domain=row["domain"],
        title=row["title"],
        request_count=row["request_count"],
        branch_ids=row["branch_ids"],
        latest_exchange_id=UUID(int=row["latest_id"].int),
        moved_from=sorted(moved),
    )


def _deleted(row: asyncpg.Record) -> ConversationData:
    return ConversationData(
        conversation_id=UUID(int=row["id"].int),
        revision=row["revision"],
        domain=row["domain"],
        title=None,
        request_count=0,
        branch_ids=[],
        latest_exchange_id=UUID(int=row["latest_id"].int),
        deleted=True,
    )
