"""The state of the schema."""

from __future__ import annotations

from typing import Final

from plait.common.queries.named import statements
from plait.common.queries.paging import Reader

_SQL: Final = statements("schema")


async def count_migrations(db: Reader) -> int:
    """How many migrations have been applied."""
    sql, arguments = _SQL["migrations"].bind({})
    found: int = await db.fetchval(sql, *arguments)
    return found
