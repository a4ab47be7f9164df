"""Which exchanges are to be deleted."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import asyncpg
from msgspec import Struct, to_builtins

from plait.common.postgres import Database
from plait.linker.forget import statements

RUN: Final = 200
"""Exchanges deleted in one transaction: for so long a domain's linker waits."""


class Selection(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is given must all be true of an exchange; nothing given selects all."""

    domain: str | None = None
    conversation: UUID | None = None
    """By any id that it ever had."""
    user: str | None = None
    """Name of a client's key, or id of an account."""
    before: datetime | None = None
    """Began before this moment."""
    other_domains: tuple[str, ...] = ()
    """Not of these domains."""

    def told(self) -> dict[str, Any]:
        """For the audit row."""
        found: dict[str, Any] = to_builtins(self)
        return found

    @property
    def _values(self) -> tuple[object, ...]:
        return self.domain, self.user, self.before, list(self.other_domains) or None


async def count(database: Database, selection: Selection) -> int:
    """How many exchanges are selected now."""
    async with database.transaction() as connection:
        if selection.conversation:
            return len(await _of_conversation(connection, selection))
        found: int = await connection.fetchval(statements.COUNT, *selection._values)
        return found


async def runs(database: Database, selection: Selection) -> AsyncIterator[Mapping[UUID, str]]:
    """The selected exchanges with their domains, newest first: a turn goes before the one that it follows."""
    if selection.conversation:
        async with database.transaction() as connection:
            found = await _of_conversation(connection, selection)
        for start in range(0, len(found), RUN):
            yield _domains(found[start : start + RUN])
        return
    last: UUID | None = None
    while True:
        async with database.transaction() as connection:
            found = await connection.fetch(statements.SELECT, *selection._values, last, RUN)
        if not found:
            return
        yield _domains(found)
        last = found[-1]["id"]


async def _of_conversation(
    connection: asyncpg.pool.PoolConnectionProxy, selection: Selection
) -> Sequence[asyncpg.Record]:
    now = await connection.fetchval(statements.RESOLVE, selection.conversation)
    found: Sequence[asyncpg.Record] = await connection.fetch(statements.OF_CONVERSATION, now or selection.conversation)
    return found


def _domains(rows: Sequence[asyncpg.Record]) -> dict[UUID, str]:
    return {UUID(int=row["id"].int): row["domain"] for row in rows}
