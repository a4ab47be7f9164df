"""What exchanges asked last and answered, without all that was said before: a bounded number of messages each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

import msgspec
from msgspec import Struct

from plait.common.blobs import unshelve
from plait.common.queries.named import statements
from plait.common.queries.paging import Reader

_SQL: Final = statements("said")
_MOST: Final = 3
"""Messages looked back through: clients put system messages of their own behind the prompt."""


class Said(Struct, frozen=True, kw_only=True):
    """What one exchange added, as messages in JSON values."""

    asked: Any
    """The last message of its request that is no system message; None where there is none among the last."""
    answered: Any
    """The answer as a message; None without one."""


async def list_said(db: Reader, ids: Sequence[UUID]) -> dict[UUID, Said]:
    """What each of these exchanges asked last and answered."""
    asked: dict[UUID, Any] = {}
    for number, message in await _messages(db, "asked", ids):
        if number not in asked and not (isinstance(message, dict) and message.get("role") == "system"):
            asked[number] = message
    answered = dict(await _messages(db, "answered", ids))
    return {one: Said(asked=asked.get(one), answered=answered.get(one)) for one in ids}


async def _messages(db: Reader, name: str, ids: Sequence[UUID]) -> list[tuple[UUID, Any]]:
    sql, arguments = _SQL[name].bind({"ids": list(ids), "most": _MOST})
    rows = await db.fetch(sql, *arguments)
    return [(UUID(int=row["id"].int), msgspec.json.decode(unshelve(row["encoding"], row["data"]))) for row in rows]
