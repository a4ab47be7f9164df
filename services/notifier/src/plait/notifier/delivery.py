"""Sends what is queued, apart from what is consumed: however slow or dead the other side is, no event waits for it.

A notice is taken, sent and deleted in one transaction. Who is killed in between leaves it there, and it is sent again:
at most what was in hand comes twice.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from datetime import timedelta
from typing import Final
from uuid import UUID, uuid5

import asyncpg
import structlog

from plait.common.metrics import NOTICES
from plait.common.outbox import Connection
from plait.common.postgres import DOWN, Database
from plait.common.queue_worker import QueueWorker
from plait.notifier import statements
from plait.notifier.channels import Busy, Channel, Refused, Undelivered
from plait.notifier.composing import Composer, NotYet
from plait.notifier.directory import Directory
from plait.notifier.lanes import Lanes
from plait.notifier.notice import Notice
from plait.notifier.processor import Clock, now_utc
from plait.notifier.routes import Route, Routes
from plait.notifier.settings import Settings

MOST_ATTEMPTS: Final = 8
_FIRST_PAUSE_S: Final = 2.0
_LONGEST_PAUSE_S: Final = 300.0
_NOT_YET_S: Final = 1.0
_NAMES: Final = UUID("6d1c1b53-90f0-4f3f-9f57-2c1f2a5d0b6e")
"""Namespace of the ids of notices."""

Open = Callable[[Route], Channel]
"""Opens a way out.

Raises:
    Refused: nothing may go there.
"""

_log = structlog.get_logger()


class Delivery(QueueWorker):
    """Sends one notice after another; several of them may share a database and lanes."""

    def __init__(
        self,
        database: Database,
        settings: Settings,
        directory: Directory,
        open_channel: Open,
        lanes: Lanes,
        clock: Clock = now_utc,
    ) -> None:
        super().__init__("notices")
        self._database = database
        self._settings = settings
        self._directory = directory
        self._open = open_channel
        self._lanes = lanes
        self._clock = clock
        self._composer = Composer(settings)
        self._closing = False
        self._idle = asyncio.Event()
        self._idle.set()

    async def finish(self) -> None:
        """Take nothing more; returns when what is in hand has been sent or put back."""
        self._closing = True
        await self._idle.wait()

    async def work(self) -> int:
        """Send the next notice; see `QueueWorker`."""
        if self._closing:
            return 0
        self._idle.clear()
        try:
            async with self._database.transaction() as connection:
                row = await connection.fetchrow(statements.TAKE, self._lanes.closed)
                if row is None or row["lane"] in self._lanes.closed:  # a neighbour was quicker
                    return 0
                with self._lanes.using(row["lane"]):
                    await self._attend(connection, row)
            return 1
        finally:
            self._idle.set()

    async def _attend(self, connection: Connection, row: asyncpg.Record) -> None:
        """Bring one notice as far as it goes now."""
        route = Routes(self._settings, self._directory.table).of(row["domain"]).get(row["lane"])
        if route is None:
            await self._done(connection, row, "void")
        elif row["happened_at"] < self._clock() - self._settings.max_age:
            await self._done(connection, row, "expired")
        else:
            await self._compose_and_send(connection, row, route)

    async def _compose_and_send(self, connection: Connection, row: asyncpg.Record, route: Route) -> None:
        try:
            async with connection.transaction():
                notice = await self._composer.compose(connection, row, notice_id(row["key"]))
        except NotYet:
            await connection.execute(statements.LATER, row["id"], timedelta(seconds=_NOT_YET_S), 0)
        except DOWN:
            raise
        except Exception as error:  # whatever one record does to us, the others have to be told
            _log.exception("a notice could not be made", kind=row["kind"], error=type(error).__name__)
            await self._done(connection, row, "broken")
        else:
            await self._send(connection, row, route, notice)

    async def _send(self, connection: Connection, row: asyncpg.Record, route: Route, notice: Notice | None) -> None:
        if notice is None:
            await self._done(connection, row, "void")
            return
        try:
            await self._open(route).send(notice)
        except Refused as refusal:
            _log.warning("a notice is refused", lane=row["lane"], kind=row["kind"], reason=str(refusal))
            await self._done(connection, row, "refused")
        except Busy as busy:
            await self._put_off(connection, row, busy.seconds, attempts=0)
        except Undelivered as failure:
            await self._failed(connection, row, str(failure))
        except Exception as error:  # whatever one way out does to us, there are others
            _log.exception("a way out is broken", lane=row["lane"], error=type(error).__name__)
            await self._failed(connection, row, type(error).__name__)
        else:
            await self._done(connection, row, "delivered")

    async def _failed(self, connection: Connection, row: asyncpg.Record, reason: str) -> None:
        attempt = row["attempts"] + 1
        _log.warning("a notice was not delivered", lane=row["lane"], attempt=attempt, reason=reason)
        pause = min(_FIRST_PAUSE_S * 2 ** (attempt - 1), _LONGEST_PAUSE_S) * random.uniform(0.5, 1.5)  # noqa: S311 - jitter
        if attempt < MOST_ATTEMPTS:
            await self._put_off(connection, row, pause, attempts=1)
        else:
            self._lanes.rest(row["lane"], pause)
            await self._done(connection, row, "given_up")

    async def _put_off(self, connection: Connection, row: asyncpg.Record, seconds: float, *, attempts: int) -> None:
        self._lanes.rest(row["lane"], seconds)
        await connection.execute(statements.LATER, row["id"], timedelta(seconds=seconds), attempts)

    async def _done(self, connection: Connection, row: asyncpg.Record, result: str) -> None:
        await connection.execute(statements.DELIVERED, row["id"])
        NOTICES.labels(row["kind"], result).inc()


def notice_id(key: str) -> str:
    """The same for all that is sent of one matter."""
    return str(uuid5(_NAMES, key))
