"""Which exchanges are to be deleted, and asking for it.

A deletion is a row of `deletions` from the moment it is asked for until the last of its contents is gone. Linkers carry
it out (`plait.linker.forget`), since what stood beside the deleted is linked anew; whoever asks may wait for its end
(`carried_out`). One that a crash broke off is ended by the next linker that looks.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import asyncpg
import msgspec
from msgspec import Struct

from plait.common.queries.named import statements
from plait.common.queries.paging import Reader, Writer

_SQL: Final = statements("forgetting")
_LOOK_EVERY_S: Final = 0.05


class Selection(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is given must all be true of an exchange; nothing given selects all."""

    domain: str | None = None
    conversation: UUID | None = None
    """By any id that it ever had. What carries its id when the deletion is asked for, side calls too."""
    user: str | None = None
    """Name of a client's key, or id of an account."""
    before: datetime | None = None
    """Began before this moment."""
    other_domains: tuple[str, ...] = ()
    """Not of these domains."""


class Deletion(Struct, frozen=True, kw_only=True):
    """A deletion as it stands now: an audit row."""

    id: int
    asked_at: datetime
    asked_by: str
    selection: Selection
    doomed: list[UUID] | None
    """Of a conversation: its exchanges when the deletion was asked for, until it is ended."""
    reached: UUID | None
    """Of the selected, those from here on are gone; newest ids go first."""
    exchanges: int
    """Deleted so far."""
    worked_at: datetime | None
    """When something was deleted last; null: nobody has begun."""
    finished_at: datetime | None
    stopped_at: datetime | None
    """When the one who had asked broke it off."""

    @property
    def is_open(self) -> bool:
        """Whether something is still to be deleted."""
        return self.finished_at is None and self.stopped_at is None


async def count(db: Reader, selection: Selection) -> int:
    """How many exchanges are selected now."""
    sql, arguments = _SQL["count"].bind(_values(selection))
    found: int = await db.fetchval(sql, *arguments)
    return found


async def ask(db: Writer, selection: Selection, asked_by: str, *, begun: bool = False) -> int:
    """Ask for a deletion; its number. Linkers begin with it within a second, unless it is `begun` by the asker.

    `asked_by` names a person, a key or a part for the audit. `db` must be able to write.
    """
    told = msgspec.to_builtins(selection)
    values = {"asked_by": asked_by, "selection": told, "begun": begun, "conversation": selection.conversation}
    sql, arguments = _SQL["ask"].bind(values)
    number: int = await db.fetchval(sql, *arguments)
    return number


async def look(db: Reader, number: int) -> Deletion | None:
    """How a deletion stands; None: there is no such."""
    return await _one(db, "one", {"id": number})


async def carried_out(db: Reader, number: int, within_s: float) -> Deletion | None:
    """How a deletion stands when it is ended, or after so many seconds: `is_open` tells which."""
    until = time.monotonic() + within_s
    while True:
        found = await look(db, number)
        if found is None or not found.is_open or time.monotonic() >= until:
            return found
        await asyncio.sleep(_LOOK_EVERY_S)


async def waiting(db: Reader) -> Sequence[Deletion]:
    """Deletions that are not ended, and that nobody has worked at for a minute."""
    sql, arguments = _SQL["waiting"].bind({})
    return [_deletion(row) for row in await db.fetch(sql, *arguments)]


async def take(db: Writer) -> int | None:
    """The number of the first of these, or of those that nobody has begun with: it is ours from now on."""
    sql, arguments = _SQL["take"].bind({})
    number: int | None = await db.fetchval(sql, *arguments)
    return number


async def hold(db: Reader, number: int) -> Deletion | None:
    """As `look`; until our transaction is committed nobody else works at it."""
    return await _one(db, "hold", {"id": number})


async def some_of(db: Reader, deletion: Deletion, most: int) -> dict[UUID, str]:
    """The next exchanges that are to go, with their domains, newest ids first; none: it is done."""
    where = {**_values(deletion.selection), "conversation": None, "doomed": deletion.doomed}
    sql, arguments = _SQL["some"].bind({**where, "reached": deletion.reached, "most": most})
    return {UUID(int=row["id"].int): row["domain"] for row in await db.fetch(sql, *arguments)}


async def advance(db: Writer, number: int, deleted: int, reached: UUID) -> None:
    """Write down how far a deletion is."""
    sql, arguments = _SQL["advance"].bind({"id": number, "deleted": deleted, "reached": reached})
    await db.execute(sql, *arguments)


async def end(db: Writer, number: int, *, stopped: bool = False) -> None:
    """Close a deletion: nothing of it is left, or it was `stopped` by who had asked for it."""
    sql, arguments = _SQL["stop" if stopped else "finish"].bind({"id": number})
    await db.execute(sql, *arguments)


def _values(selection: Selection) -> dict[str, object]:
    return {
        "domain": selection.domain,
        "conversation": selection.conversation,
        "user": selection.user,
        "before": selection.before,
        "other_domains": list(selection.other_domains) or None,
        "doomed": None,
        "reached": None,
    }


async def _one(db: Reader, statement: str, values: dict[str, object]) -> Deletion | None:
    sql, arguments = _SQL[statement].bind(values)
    row = await db.fetchrow(sql, *arguments)
    return _deletion(row) if row else None


def _deletion(row: asyncpg.Record) -> Deletion:
    fields: dict[str, Any] = dict(row)
    return Deletion(**{**fields, "selection": msgspec.convert(fields["selection"], Selection)})
