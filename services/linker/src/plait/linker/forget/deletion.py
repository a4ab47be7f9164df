"""A deletion from its audit row to its last blob. Broken off by a crash, it is ended by the next linker that looks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final

import structlog

from plait.common import forgetting
from plait.common.errors import DependencyDown
from plait.common.forgetting import Selection
from plait.common.postgres import Database
from plait.linker.forget.forgetting import forget
from plait.linker.forget.months import Month
from plait.linker.forget.sweeping import sweep

RUN: Final = 200
"""Exchanges deleted in one transaction: for so long a domain's linker waits."""
_LOOK_EVERY_S: Final = 1.0
_AGAIN_S: Final = 5.0
_Advance = Callable[[int], None]

_log = structlog.get_logger()


async def delete(
    database: Database,
    selection: Selection,
    asked_by: str,
    advance: _Advance = lambda _: None,
    months: Sequence[Month] = (),
) -> int:
    """Delete what is selected and all that was kept of it alone; how many exchanges that were.

    `advance` is called with how many are deleted so far. The bodies of those `months` stay: they go with their tables.
    Cancelled, the deletion is closed where it stands.

    Raises:
        DependencyDown: the database went away; the next linker that looks deletes the rest.
    """
    async with database.transaction() as connection:
        number = await forgetting.ask(connection, selection, asked_by, begun=True)
    try:
        return await carry_out(database, number, advance, months)
    except (asyncio.CancelledError, KeyboardInterrupt):
        with suppress(DependencyDown):  # then it is ended like one that was killed
            async with database.transaction() as connection:
                await forgetting.end(connection, number, stopped=True)
        raise


async def carry_out(
    database: Database, number: int, advance: _Advance = lambda _: None, months: Sequence[Month] = ()
) -> int:
    """Do, or end, a deletion that was asked for; how many exchanges were deleted for it in all.

    Several may do this for one deletion at the same time: they take turns.

    Raises:
        DependencyDown: the database went away.
    """
    while (done := await _some(database, number, months)) is not None:
        advance(done)
    await sweep(database)
    async with database.transaction() as connection:
        await forgetting.end(connection, number)
        deletion = await forgetting.look(connection, number)
    return deletion.exchanges if deletion else 0


async def _some(database: Database, number: int, months: Sequence[Month]) -> int | None:
    """Delete the next exchanges; how many are deleted so far, None when nothing is left."""
    async with database.transaction() as connection:
        deletion = await forgetting.hold(connection, number)
        if deletion is None or not deletion.is_open:
            return None
        exchanges = await forgetting.some_of(connection, deletion, RUN)
        if not exchanges:
            return None
        deleted = await forget(connection, exchanges, months)
        await forgetting.advance(connection, number, deleted, min(exchanges))
        return deletion.exchanges + deleted


async def attend(database: Database, told: Callable[[], None] = lambda: None) -> None:
    """Carry out what is asked for (`plait.common.forgetting.ask`), and end what was broken off, until cancelled.

    `told` is called when what became of conversations was put out.
    """
    while True:
        try:
            async with database.transaction() as connection:
                number = await forgetting.take(connection)
            if number is None:
                await asyncio.sleep(_LOOK_EVERY_S)
            else:
                _log.info("deletion", number=number, exchanges=await carry_out(database, number))
                told()
        except DependencyDown:
            await asyncio.sleep(_AGAIN_S)
