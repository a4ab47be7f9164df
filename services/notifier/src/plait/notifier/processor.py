"""The notifier's consumer: finds in events what is to be told, and queues it. It sends nothing itself."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime
from uuid import UUID

from msgspec import Struct

from plait.common.consumer import Record, Rejected
from plait.common.events import AnalysisEvent, ConversationEvent, ResponseEvent
from plait.common.outbox import Connection
from plait.common.postgres import Database
from plait.notifier import statements
from plait.notifier.directory import Directory, Entry
from plait.notifier.matters import (
    PASSING,
    Matter,
    Trouble,
    analysis_of,
    first_of_each,
    limits_of,
    trouble_of,
    turn_of,
)
from plait.notifier.queue import queue
from plait.notifier.routes import Routes
from plait.notifier.settings import Kind, Settings
from plait.notifier.turns import read_turn

Clock = Callable[[], datetime]


def now_utc() -> datetime:
    """The time."""
    return datetime.now(UTC)


class _Found(Struct):
    """What a batch holds that is young enough."""

    placed: dict[UUID, str]
    """Exchanges that are new in a conversation, or have ended, and their domains."""
    troubles: list[Trouble]
    matters: list[Matter]

    def of_those_told(self, routes: Routes) -> _Found:
        """What is of domains that anybody is told of."""
        return _Found(
            {one: domain for one, domain in self.placed.items() if routes.of(domain)},
            [one for one in self.troubles if routes.of(one.domain)],
            [one for one in self.matters if routes.of(one.domain)],
        )

    @property
    def holds_anything(self) -> bool:
        """Whether there is anything to look into."""
        return bool(self.placed or self.troubles or self.matters)


class Notifier:
    """Queues notices for batches of events."""

    def __init__(
        self,
        database: Database,
        settings: Settings,
        directory: Directory,
        committed: Callable[[], None] = lambda: None,
        clock: Clock = now_utc,
    ) -> None:
        """`committed` is called after each batch that queued something."""
        self._database = database
        self._settings = settings
        self._directory = directory
        self._committed = committed
        self._clock = clock

    async def process(self, batch: Sequence[Record]) -> Sequence[Rejected]:
        """Queue a batch's notices; see `plait.common.consumer.Processor`."""
        since = self._clock() - self._settings.max_age
        found, rejected = _read(batch, since, self._settings.kinds)
        routes = Routes(self._settings, self._directory.table)
        told = found.of_those_told(routes)
        if told.holds_anything:  # where nobody is told of anything, a batch costs the database nothing
            async with self._database.transaction() as connection:
                queued = await self._queue(connection, told, since, routes)
            if queued:
                self._committed()
        return rejected

    async def _queue(self, connection: Connection, found: _Found, since: datetime, routes: Routes) -> int:
        matters = [*found.matters, *await self._turns(connection, list(found.placed), since)]
        matters += await self._errors(connection, found.troubles)
        wanted = [one for one in matters if one.kind in self._settings.kinds]
        return await queue(connection, wanted, routes)

    async def _turns(self, connection: Connection, placed: Sequence[UUID], since: datetime) -> list[Matter]:
        """The turns that ended with one of these exchanges."""
        if not placed or "turn" not in self._settings.kinds:
            return []
        found = []
        for row in await connection.fetch(statements.ENDED_TURNS, placed, since):
            turn = await read_turn(connection, row["id"])
            if turn:
                found.append(turn_of(row["id"], turn.first_id, turn.domain, turn.ended_at))
        return found

    async def _errors(self, connection: Connection, troubles: Sequence[Trouble]) -> list[Matter]:
        """One for each burst of errors, or for a credential that Claude refuses."""
        told = await self._worth_telling(connection, troubles)
        logins = {one.domain: (one, entry) for one in told if (entry := self._refused(one))}
        errors = first_of_each(one for one in told if one.domain not in logins or not one.is_unauthorised)
        matters = [login_of(entry, one.domain, one.at) for one, entry in logins.values()]
        if errors and "error" in self._settings.kinds:
            columns = zip(*((domain, kind, one.at) for (domain, kind), one in errors.items()), strict=True)
            rows = await connection.fetch(statements.BURSTS, *map(list, columns), self._settings.error_quiet)
            matters += [errors[row["domain"], row["error_type"]].matter() for row in rows]
        return matters

    async def _worth_telling(self, connection: Connection, troubles: Sequence[Trouble]) -> list[Trouble]:
        """Without refusals that nobody minds: none of these begins a burst, which would hide what somebody does."""
        numbers = [one.exchange_id for one in troubles]
        rows = await connection.fetch(statements.OF_KINDS, numbers, PASSING) if numbers else []
        passing = {row["id"] for row in rows}
        return [one for one in troubles if one.exchange_id not in passing]

    def _refused(self, trouble: Trouble) -> Entry | None:
        """Whose own credential it was that was refused."""
        entry = self._directory.table.find(trouble.domain) if trouble.is_unauthorised else None
        return entry if entry and entry.credential else None


def login_of(entry: Entry, domain: str, at: datetime) -> Matter:
    """A credential that is good no more: told once for each that is."""
    subject = {"file": entry.name, "isLogin": entry.is_login}
    return Matter(kind="login", key=f"login/{entry.name}/{entry.credential}", domain=domain, at=at, subject=subject)


def _read(batch: Sequence[Record], since: datetime, kinds: Collection[Kind]) -> tuple[_Found, list[Rejected]]:
    """What of a batch may have to be told, and the records that do not belong on the topics that we read."""
    found, rejected = _Found({}, [], []), []
    for record in batch:
        event = record.event
        if isinstance(event, ConversationEvent):
            found.placed |= dict.fromkeys((one.exchange_id for one in event.data.placed), event.data.domain)
        elif isinstance(event, ResponseEvent):
            _see_answer(event, since, kinds, found)
        elif isinstance(event, AnalysisEvent):
            if event.time > since and (matter := analysis_of(event.data, event.time)):
                found.matters.append(matter)
        else:
            rejected.append(Rejected(record, f"{type(event).__name__} is nothing to tell of"))
    return found, rejected


def _see_answer(event: ResponseEvent, since: datetime, kinds: Collection[Kind], found: _Found) -> None:
    if event.data.ended_at <= since:
        return
    limits = limits_of(event.data)
    found.matters += limits
    trouble = trouble_of(event.data)
    reached = any(one.subject["level"] == 100 for one in limits)
    is_told = reached and "limit" in kinds and trouble and trouble.type == "rate_limit_error"
    if trouble and not is_told:
        found.troubles.append(trouble)
