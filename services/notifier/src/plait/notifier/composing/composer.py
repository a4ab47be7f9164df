"""Which notice is made by whom."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final, TypeAlias

import asyncpg

from plait.common.outbox import Connection
from plait.notifier.composing import analysis, budget, digest, error, limit, login, turn
from plait.notifier.composing.desk import Desk
from plait.notifier.notice import Notice
from plait.notifier.settings import Settings

_Maker: TypeAlias = "Callable[[Connection, asyncpg.Record, str, Desk], Awaitable[Notice | None]]"
_MAKERS: Final[dict[str, _Maker]] = {
    "turn": turn.make,
    "error": error.make,
    "limit": limit.make,
    "login": login.make,
    "analysis": analysis.make,
    "digest": digest.make,
    "budget": budget.make,
}


class Composer:
    """Makes each kind of notice."""

    def __init__(self, settings: Settings) -> None:
        self._desk = Desk(settings)

    async def compose(self, connection: Connection, row: asyncpg.Record, number: str) -> Notice | None:
        """The notice of a row of the queue, `number` its id; None: what it was about is gone.

        Raises:
            NotYet: it cannot be told yet.
        """
        return await _MAKERS[row["kind"]](connection, row, number, self._desk)
