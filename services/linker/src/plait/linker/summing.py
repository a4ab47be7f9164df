"""The rows of conversations after a change of their trees, and the events that tell of it."""

from __future__ import annotations

from uuid import UUID

import asyncpg

from plait.common.events import ConversationData
from plait.linker import statements
from plait.linker.columns import columns
from plait.linker.trees import Woven


async def sum_up(connection: asyncpg.pool.PoolConnectionProxy, woven: Woven) -> list[ConversationData]:
    """Write the rows of changed conversations, drop those of conversations that moved into others, tell of both."""
    moved: dict[UUID, list[UUID]] = {}
    if woven.gone:
        await connection.execute(statements.DROP_CONVERSATIONS, list(woven.gone))
        for row in await connection.fetch(statements.MOVED, sorted(woven.gone)):
            moved.setdefault(row["conversation_id"], []).append(UUID(int=row["own_id"].int))
    rows: list[asyncpg.Record] = []
    if woven.titles:
        rows += await connection.fetch(statements.PUT_CONVERSATIONS, *columns(sorted(woven.titles.items())))
    if woven.grown:
        rows += await connection.fetch(statements.GROW_CONVERSATIONS, *columns(sorted(woven.grown.items())))
    return [_data(row, moved.get(row["id"], [])) for row in rows]


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
