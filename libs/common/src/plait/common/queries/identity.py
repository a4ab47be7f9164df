"""Ids of conversations stay good: a conversation that was found to be part of another answers under both ids."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from plait.common.queries.named import statements
from plait.common.queries.paging import Reader

_SQL: Final = statements("identity")


async def resolve(db: Reader, conversation_id: UUID) -> UUID | None:
    """The conversation that an id answers with (linking.md, "Names"); None if it names none.

    Every exchange has an id that it would give its conversation as a root. Asked for by this, the conversation in
    which the exchange stands now is meant.
    """
    sql, arguments = _SQL["resolve"].bind({"id": conversation_id})
    found: UUID | None = await db.fetchval(sql, *arguments)
    return found
