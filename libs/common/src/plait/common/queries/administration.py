"""What administrators did with their keys."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from msgspec import Struct

from plait.common.queries.named import statements
from plait.common.queries.paging import Reader, Writer

_SQL: Final = statements("administration")


class Action(Struct, frozen=True, kw_only=True):
    """A call that an admin key made."""

    at: datetime
    key_name: str
    method: str
    path: str
    query: str
    """The call's parameters as it gave them."""
    request_id: str
    """As in its answer's `X-Request-ID`."""


async def note_action(db: Writer, *, key_name: str, method: str, path: str, query: str, request_id: str) -> None:
    """Write down that an administrator is about to do something."""
    values = {"key_name": key_name, "method": method, "path": path, "query": query, "request_id": request_id}
    sql, arguments = _SQL["note"].bind(values)
    await db.execute(sql, *arguments)


async def latest_actions(db: Reader, most: int) -> list[Action]:
    """What was done last, newest first."""
    sql, arguments = _SQL["latest"].bind({"most": most})
    return [Action(**record) for record in await db.fetch(sql, *arguments)]
