"""Whole months that are too old: their bodies and streams are dropped as tables, not row by row.

Rows of other tables go one by one before (`deletion`). Then the month's tables are taken out of the partitioned ones,
which writers wait for only for a moment; what contents they used is put down in `forsaken`, some rows at a time; and
they are dropped. Broken off anywhere, the next retention goes on: a table that is taken out tells by its name.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

import asyncpg

from plait.common.errors import DependencyDown
from plait.common.forgetting import Selection
from plait.common.postgres import Database
from plait.linker.forget import statements

_PARTITIONED: Final = ("exchange_requests", "exchange_responses", "chunks")
_AT_ONCE: Final = 2000


@dataclass(frozen=True)
class Month:
    """A month of exchange ids, by its first moment (UTC)."""

    begin: datetime

    @classmethod
    def named(cls, name: str) -> Month:
        """The month of a partition whose name ends with `YYYYMM`."""
        return cls(datetime.strptime(name[-6:], "%Y%m").replace(tzinfo=UTC))

    @property
    def end(self) -> datetime:
        """The first moment of the next one."""
        years, month = divmod(self.begin.month, 12)
        return self.begin.replace(year=self.begin.year + years, month=month + 1)

    @property
    def tables(self) -> list[str]:
        """Its partitions."""
        return [f"{table}_{self.begin:%Y%m}" for table in _PARTITIONED]

    def holds(self, number: UUID) -> bool:
        """Whether the rows of this exchange are in its partitions."""
        return _floor(self.begin) <= number < _floor(self.end)


async def too_old(database: Database, selections: Sequence[Selection]) -> list[Month]:
    """Months that have ended and of whose exchanges none is kept, with these to be deleted."""
    latest = max((one.before for one in selections if one.before), default=None)
    if latest is None:
        return []
    found = []
    async with database.transaction() as connection:
        for row in await connection.fetch(statements.MONTHS):
            month = Month.named(row["relname"])
            if month.end <= latest and not await _any_kept(connection, month, selections):
                found.append(month)
    return found


async def take_out(database: Database, month: Month) -> bool:
    """Take a month's partitions out, if no exchange is left in it; False: not now, somebody works with the tables."""
    try:
        async with database.transaction() as connection:
            await connection.execute(statements.SOON)
            await connection.execute(statements.LOCK_PARTITIONED)
            if await connection.fetchval(statements.ANY_IN, _floor(month.begin), _floor(month.end)):
                return False
            for parent, table in zip(_PARTITIONED, month.tables, strict=True):
                await connection.execute(f"ALTER TABLE {parent} DETACH PARTITION {table}")
    except DependencyDown as error:
        if not isinstance(error.__cause__, asyncpg.LockNotAvailableError):
            raise
        return False
    return True


async def drop_taken_out(database: Database) -> None:
    """Put down what contents the tables that are taken out used, and drop them."""
    async with database.transaction() as connection:
        tables = [row["relname"] for row in await connection.fetch(statements.TAKEN_OUT)]
    for table in tables:
        if forsake := statements.FORSAKE_TABLE.get(table[:-7]):
            await _forsake(database, forsake.format(table=table))
        async with database.transaction() as connection:
            await connection.execute(f"DROP TABLE IF EXISTS {table}")


async def _forsake(database: Database, statement: str) -> None:
    last: UUID | None = UUID(int=0)
    while last is not None:
        async with database.transaction() as connection:
            last = await connection.fetchval(statement, last, _AT_ONCE)


async def _any_kept(
    connection: asyncpg.pool.PoolConnectionProxy, month: Month, selections: Iterable[Selection]
) -> bool:
    own = {one.domain: one.before for one in selections if one.domain}
    of_all = next((one for one in selections if not one.domain), Selection())
    moments: dict[str, datetime | None] = {**dict.fromkeys(of_all.other_domains), **own}
    given = (list(moments), list(moments.values()), of_all.before)
    found: bool = await connection.fetchval(statements.ANY_KEPT, _floor(month.begin), _floor(month.end), *given)
    return found


def _floor(moment: datetime) -> UUID:
    """The smallest UUIDv7 of a moment, as the database's `uuid_floor`."""
    return UUID(int=int(moment.timestamp() * 1000) << 80)
