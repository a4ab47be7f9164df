"""Asking for analyses of branches: what is written for it, how often one may, and who did.

A job is a row of `analyses` from the moment it is asked for; analyzers carry it out (`plait.analyzer`), several side by
side. Each change of its state is an event on `plait.analyses`, put out in the transaction that makes the change.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal
from uuid import UUID

import asyncpg
from msgspec import Struct

from plait.common.errors import PlaitError
from plait.common.events import SOURCE_ANALYSES, AnalysisData, AnalysisEvent, partition_key
from plait.common.ids import new_exchange_id
from plait.common.outbox import Connection, Outbox
from plait.common.queries.analyses import BranchPlace, Sought, State
from plait.common.queries.named import statements
from plait.common.queries.paging import Reader, Writer
from plait.common.topics import ANALYSES

OUTBOX: Final = Outbox("analyses_outbox", ANALYSES)
PER_MINUTE: Final[Mapping[Allowance, int]] = {"create": 15, "read": 100}
"""Calls that a domain may make in a minute, from all processes together."""

Allowance = Literal["create", "read"]
Action = Literal["request", "read", "list", "regenerate", "reset"]
Outcome = Literal["done", "known", "not_found", "too_many"]
_SQL: Final = statements("analysis_jobs")
_LEAST_WAIT_S: Final = 0.1


class TooMany(PlaitError):
    """This domain has asked for analyses too often."""

    def __init__(self, domain: str, allowance: Allowance, wait_s: float) -> None:
        verb = "asked for" if allowance == "create" else "read"
        most = PER_MINUTE[allowance]
        super().__init__(f"Analyses of {domain} may be {verb} {most} times a minute: wait {wait_s:.0f} s.")
        self.wait_s = wait_s


class Caller(Struct, frozen=True):
    """Who asks."""

    name: str
    """`key NAME`, `user NAME` of the command line, or `rule`."""
    request_id: str | None = None
    """Of the call, as in its answer's `X-Request-ID`."""


class Asked(Struct, frozen=True):
    """What asking led to."""

    analysis_id: UUID
    status: State
    is_queued: bool
    """False: there is one already, done or on its way."""


class Call(Struct, frozen=True, kw_only=True):
    """One call of the audit."""

    at: datetime
    caller: str
    action: Action
    outcome: Outcome
    domain: str | None
    conversation_id: UUID | None
    branch_id: str | None
    request_id: str | None


async def ask(db: Writer, where: BranchPlace, caller: Caller, prompt: str | None = None) -> Asked:
    """Ask for an analysis of a branch, as a person does: counted and written down.

    One that is there, or on its way, is not made again; one that failed is queued anew.

    Raises:
        TooMany: not now.
    """
    await _admit(db, where, caller, "request", "create")
    async with _transaction(db) as connection:
        asked = await queue(connection, where, caller.name, prompt)
        await note(connection, caller, "request", "done" if asked.is_queued else "known", where)
    return asked


async def regenerate(db: Writer, where: BranchPlace, caller: Caller, prompt: str | None = None) -> Asked | None:
    """Have an analysis made anew, as a person does; None: the branch has none.

    One that is on its way with this prompt goes on: two who ask at once, or one who clicks twice, pay once.

    Raises:
        TooMany: not now.
    """
    await _admit(db, where, caller, "regenerate", "create")
    async with _transaction(db) as connection:
        asked = await queue_again(connection, where, caller.name, prompt, twice=False) or await _known(
            connection, where
        )
        outcome: Outcome = "not_found" if asked is None else "done" if asked.is_queued else "known"
        await note(connection, caller, "regenerate", outcome, where)
    return asked


async def admit_reader(db: Writer, where: BranchPlace, caller: Caller, *, found: bool) -> None:
    """Count and write down that an analysis is read; `found`: whether there is one.

    Raises:
        TooMany: not now.
    """
    await _admit(db, where, caller, "read", "read")
    await note(db, caller, "read", "done" if found else "not_found", where)


async def queue(
    connection: Connection, where: BranchPlace, asked_by: str, prompt: str | None = None, *, by_rule: bool = False
) -> Asked:
    """Queue an analysis if the branch has none, or one that failed. Within the caller's transaction."""
    values = {**_place(where), "id": new_exchange_id(), "domain": where.domain, "by_rule": by_rule}
    sql, arguments = _SQL["ask"].bind({**values, "asked_by": asked_by, "prompt": prompt})
    row = await connection.fetchrow(sql, *arguments)
    if row is None:
        known = await _known(connection, where)
        assert known is not None  # it was in the way of the new one, which locked it
        return known
    return await _told(connection, row)


async def queue_again(
    connection: Connection,
    where: BranchPlace,
    asked_by: str,
    prompt: str | None = None,
    *,
    by_rule: bool = False,
    keep_prompt: bool = False,
    twice: bool = True,
) -> Asked | None:
    """Queue a branch's analysis anew; None: it has none. Within the caller's transaction.

    Not `twice`: nor if it is on its way with the same prompt.
    """
    values = {**_place(where), "asked_by": asked_by, "by_rule": by_rule, "keep_prompt": keep_prompt, "twice": twice}
    sql, arguments = _SQL["again"].bind({**values, "prompt": prompt})
    row = await connection.fetchrow(sql, *arguments)
    return await _told(connection, row) if row else None


async def note(db: Writer, caller: Caller, action: Action, outcome: Outcome, where: Sought | None) -> None:
    """Write down a call; `where`: what it named, None if it is for a list."""
    place = _place(where) if where else {"conversation": None, "branch": None}
    domain = where.domain if isinstance(where, BranchPlace) else None
    values = {**place, "domain": domain, "caller": caller.name, "request_id": caller.request_id}
    sql, arguments = _SQL["note"].bind({**values, "action": action, "outcome": outcome})
    await db.execute(sql, *arguments)


async def latest_calls(db: Reader, most: int) -> list[Call]:
    """The calls made last, newest first."""
    sql, arguments = _SQL["calls"].bind({"most": most})
    return [Call(**row) for row in await db.fetch(sql, *arguments)]


def event_of(row: asyncpg.Record, **result: Any) -> AnalysisEvent:
    """The event of a change, from the columns that `told` of analysis_jobs.sql names, and a result's fields."""
    data = AnalysisData(
        analysis_id=UUID(int=row["id"].int),
        conversation_id=UUID(int=row["conversation_id"].int),
        branch_id=row["branch_id"],
        domain=row["domain"],
        status=row["status"],
        revision=row["revision"],
        run=row["regenerations"],
        attempt=row["attempts"],
        by_rule=row["by_rule"],
        error=row["error"],
        **result,
    )
    return AnalysisEvent(
        id=f"{data.analysis_id}/{data.revision}",
        source=SOURCE_ANALYSES,
        subject=str(data.conversation_id),
        time=datetime.now(UTC),
        partitionkey=partition_key(data.domain, str(data.conversation_id)),
        data=data,
    )


async def _known(connection: Connection, where: BranchPlace) -> Asked | None:
    sql, arguments = _SQL["known"].bind(_place(where))
    row = await connection.fetchrow(sql, *arguments)
    return Asked(row["id"], row["status"], is_queued=False) if row else None


async def _told(connection: Connection, row: asyncpg.Record) -> Asked:
    await OUTBOX.put(connection, [event_of(row)])
    return Asked(UUID(int=row["id"].int), row["status"], is_queued=True)


async def _admit(db: Writer, where: BranchPlace, caller: Caller, action: Action, allowance: Allowance) -> None:
    values = {"domain": where.domain, "action": allowance, "step": timedelta(minutes=1) / PER_MINUTE[allowance]}
    sql, arguments = _SQL["spend"].bind(values)
    if await db.fetchrow(sql, *arguments):
        return
    await note(db, caller, action, "too_many", where)
    sql, arguments = _SQL["wait"].bind(values)
    raise TooMany(where.domain, allowance, max(_LEAST_WAIT_S, await db.fetchval(sql, *arguments)))


def _place(where: Sought) -> dict[str, object]:
    return {"conversation": where.conversation_id, "branch": where.branch_id}


@asynccontextmanager
async def _transaction(db: Writer) -> AsyncIterator[Connection]:
    if isinstance(db, asyncpg.Pool):
        async with db.acquire() as connection, connection.transaction():
            yield connection
    else:
        async with db.transaction():
            yield db
