"""The rows of conversations after a change of their trees, and the events that tell of it."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final
from uuid import UUID

import asyncpg

from plait.common.events import ConversationData, Placed
from plait.linker import statements
from plait.linker.columns import columns
from plait.linker.trees import Woven

_PLACED: Final = """
SELECT l.conversation_id, l.exchange_id, l.branch_id, e.kind
FROM links AS l JOIN exchanges AS e ON e.id = l.exchange_id
WHERE l.exchange_id = ANY($1) AND l.conversation_id IS NOT NULL
ORDER BY e.started_at, e.id
"""


async def sum_up(
    connection: asyncpg.pool.PoolConnectionProxy, woven: Woven, placed: Collection[UUID] = ()
) -> list[ConversationData]:
    """Write the rows of changed conversations, drop those of conversations that moved or were deleted, tell of all.

    `placed`: exchanges that the change came from; a rebuilding names none.
    """
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
    theirs = await _placed(connection, placed) if rows and placed else {}
    return [
        *map(_deleted, deleted.values()),
        *(_data(row, moved.get(row["id"], []), theirs.get(row["id"], [])) for row in rows),
    ]


async def _placed(connection: asyncpg.pool.PoolConnectionProxy, placed: Collection[UUID]) -> dict[UUID, list[Placed]]:
    """By conversation, in order of time."""
    found: dict[UUID, list[Placed]] = {}
    for row in await connection.fetch(_PLACED, list(placed)):
        one = Placed(UUID(int=row["exchange_id"].int), row["branch_id"], row["kind"])
        found.setdefault(row["conversation_id"], []).append(one)
    return found


def _data(row: asyncpg.Record, moved: list[UUID], placed: list[Placed]) -> ConversationData:
    return ConversationData(
        conversation_id=UUID(int=row["id"].int),
        revision=row["revision"],
        domain=row["domain"],
        title=row["title"],
        request_count=row["request_count"],
        branch_ids=row["branch_ids"],
        latest_exchange_id=UUID(int=row["latest_id"].int),
        moved_from=sorted(moved),
        placed=placed,
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
