"""What is told by the clock instead of by an event: digests, budgets, logins that have ended."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final
from zoneinfo import ZoneInfo

from plait.common.buckets import Span
from plait.common.errors import DependencyDown
from plait.common.outbox import Connection
from plait.common.postgres import Database
from plait.common.queries.usage import UsageFilter, sum_usage
from plait.notifier import statements
from plait.notifier.directory import Directory
from plait.notifier.matters import Matter
from plait.notifier.processor import Clock, login_of, now_utc
from plait.notifier.queue import queue
from plait.notifier.routes import Routes
from plait.notifier.settings import Period, Settings

_EVERY_S: Final = 15.0
_AGAIN_S: Final = 5.0
_LEVELS: Final = (80, 100)
_DAY: Final = timedelta(days=1)


class Rounds:
    """Looks every quarter of a minute whether something is due."""

    def __init__(
        self,
        database: Database,
        settings: Settings,
        directory: Directory,
        committed: Callable[[], None] = lambda: None,
        clock: Clock = now_utc,
    ) -> None:
        """`committed` is called after something was queued."""
        self._database = database
        self._settings = settings
        self._directory = directory
        self._committed = committed
        self._clock = clock

    async def run(self) -> None:
        """Go round until cancelled; while the database is away, wait for it."""
        while True:
            try:
                await self.go()
            except DependencyDown:
                await asyncio.sleep(_AGAIN_S)
            else:
                await asyncio.sleep(_EVERY_S)

    async def go(self) -> int:
        """Queue what is due now; how many notices that makes.

        Raises:
            DependencyDown: the database is away.
        """
        now = self._clock()
        routes = Routes(self._settings, self._directory.table)
        async with self._database.transaction() as connection:
            matters = [*await self._digests(connection, now), *await self._budgets(connection, now), *self._logins(now)]
            wanted = [one for one in matters if one.kind in self._settings.kinds]
            queued = await queue(connection, wanted, routes)
            await connection.execute(statements.FORGET_OLD)
        if queued:
            self._committed()
        return queued

    async def _digests(self, connection: Connection, now: datetime) -> list[Matter]:
        """Of the day before, from the time on that is set until the day ends."""
        local = now.astimezone(self._settings.zone)
        if "digest" not in self._settings.kinds or local.time() < self._settings.digest_at:
            return []
        until = midnight(local, self._settings.zone)
        since = midnight(until - _DAY / 2, self._settings.zone)
        subject = {"since": since.isoformat(), "until": until.isoformat()}
        return [
            Matter(kind="digest", key=f"digest/{domain}/{since:%Y-%m-%d}", domain=domain, at=now, subject=subject)
            for domain in await _active(connection, since, until)
        ]

    async def _budgets(self, connection: Connection, now: datetime) -> list[Matter]:
        if "budget" not in self._settings.kinds or not self._settings.budgets:
            return []
        found: list[Matter] = []
        local = now.astimezone(self._settings.zone)
        today = midnight(local, self._settings.zone)
        begins: dict[Period, datetime] = {"day": today, "month": midnight(today.replace(day=1), self._settings.zone)}
        for domain in await _active(connection, begins["month"], now + _DAY):
            for period, budget in self._settings.budgets_of(domain).items():
                sums = await sum_usage(connection, Span(begins[period]), UsageFilter(domain=domain))
                found += _budget(domain, period, begins[period], budget, sums.cost_usd or 0.0, now)
        return found

    def _logins(self, now: datetime) -> list[Matter]:
        """Those that no refresh token can renew; a pattern's stands for its domains."""
        return [login_of(entry, entry.name, now) for entry in self._directory.table.ended]


def midnight(at: datetime, zone: ZoneInfo) -> datetime:
    """When the day begins that a moment is in."""
    return datetime(*at.astimezone(zone).timetuple()[:3], tzinfo=zone)


async def _active(connection: Connection, since: datetime, until: datetime) -> Sequence[str]:
    rows: Sequence[Any] = await connection.fetch(statements.ACTIVE_DOMAINS, since, until)
    return sorted(row["domain"] for row in rows)


def _budget(domain: str, period: Period, start: datetime, budget: float, cost: float, now: datetime) -> list[Matter]:
    """The highest level that is reached, if any."""
    reached = [level for level in _LEVELS if Decimal(str(cost)) * 100 >= Decimal(str(budget)) * level]
    if not reached:
        return []
    name = f"budget/{domain}/{period}/{start:%Y-%m-%d}/{budget:g}"
    subject = {"period": period, "level": reached[-1], "costUsd": cost, "budgetUsd": budget}
    key, *lesser = (f"{name}/{level}" for level in reversed(reached))
    return [Matter(kind="budget", key=key, domain=domain, at=now, subject=subject, lesser=tuple(lesser))]
