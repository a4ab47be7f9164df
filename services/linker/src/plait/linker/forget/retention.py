"""Deletes what is older than it may become, a little every hour, by one linker at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

import structlog

from plait.common.errors import DependencyDown
from plait.common.forgetting import Selection, count
from plait.common.postgres import Database
from plait.linker.forget import statements
from plait.linker.forget.deletion import delete
from plait.linker.forget.months import drop_taken_out, take_out, too_old
from plait.linker.forget.sweeping import sweep

ASKED_BY: Final = "retention"
_EVERY_S: Final = 3600.0
_AGAIN_S: Final = 60.0

_log = structlog.get_logger()


def expired(days: int, by_domain: Mapping[str, int], now: datetime) -> list[Selection]:
    """What is too old now. 0 days: it may become as old as it likes; a domain's own days stand over those of all."""
    own = [
        Selection(domain=domain, before=now - timedelta(days=its)) for domain, its in sorted(by_domain.items()) if its
    ]
    if days:
        own.append(Selection(before=now - timedelta(days=days), other_domains=tuple(sorted(by_domain))))
    return own


async def enforce(database: Database, selections: Sequence[Selection]) -> int | None:
    """Delete what is selected; how many exchanges that were, None when another linker is at it.

    Raises:
        DependencyDown: the database went away.
    """
    async with database.transaction() as turn:
        if not await turn.fetchval(statements.TRY_RETENTION):
            return None
        await turn.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
        months = await too_old(database, selections)
        deleted = 0
        for selection in selections:
            async with database.transaction() as connection:
                found = await count(connection, selection)
            if found:
                deleted += await delete(database, selection, ASKED_BY, months=months)
        for month in months:
            await take_out(database, month)
        await drop_taken_out(database)
        await sweep(database)
        await turn.execute(statements.TIDY_FORGOTTEN)
        return deleted


async def keep_retention(database: Database, days: int, by_domain: Mapping[str, int]) -> None:
    """Enforce it every hour, until cancelled; what a deletion that was broken off left is swept too.

    What became of conversations is told with the linker's next batch: only then is it certain that topics are there.
    """
    while True:
        try:
            deleted = await enforce(database, expired(days, by_domain, datetime.now(UTC)))
        except DependencyDown:
            await asyncio.sleep(_AGAIN_S)
        else:
            if deleted:
                _log.info("retention", exchanges=deleted)
            await asyncio.sleep(_EVERY_S)
