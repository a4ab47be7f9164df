"""The queue of jobs, as analyzers side by side see it: taken under a lease, and each change told in an event.

A job belongs to whoever holds its lease. Every statement about one names it, so who has lost it changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any, Final
from uuid import UUID, uuid4

import asyncpg
import msgspec
from msgspec import Struct

from plait.analyzer import statements
from plait.common.analyses import OUTBOX, event_of
from plait.common.events import AnalysisTokens
from plait.common.outbox import Connection
from plait.common.postgres import Database

_NUL: Final = "\0"


class Job(Struct, frozen=True, kw_only=True):
    """An analysis that is ours to make, as long as we renew its lease."""

    id: UUID
    lease: UUID
    conversation_id: UUID
    branch_id: str
    attempt: int
    """Of this run, from 1."""
    custom_prompt: str | None


class Result(Struct, frozen=True, kw_only=True):
    """What came of a job."""

    provider: str
    model: str
    prompt_version: str
    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    cost_usd: Decimal | None
    duration_ms: int
    content: str
    """Markdown; the answer as it came, secrets masked, where `data` is None."""
    data: dict[str, Any] | None
    """As `plait.common.analysis.Analysis` has it; None: the answer had another form."""
    remarks: list[str]


class Jobs:
    """The queue."""

    def __init__(self, database: Database, told: Callable[[], None]) -> None:
        """`told` is called after each transaction that put out events."""
        self._database = database
        self._told = told

    async def take(self, lease: timedelta, *, at_once: int, attempts: int) -> Job | None:
        """The next job, under a new lease; None: none is due, or `at_once` are running already.

        What an analyzer that has died had in hand is taken over, or has failed if that was its last attempt.

        Raises:
            DependencyDown: the database is away.
        """
        mine = uuid4()
        async with self._database.transaction() as connection:
            await connection.execute(statements.ALONE)
            buried = await connection.fetch(statements.BURY, attempts)
            row = await connection.fetchrow(statements.TAKE, mine, lease, at_once)
            await OUTBOX.put(connection, [event_of(one) for one in [*buried, *([row] if row else [])]])
            waiting: bool = await connection.fetchval(statements.ANY_PUT_OUT)
        if waiting:  # also what others than analyzers put out: they do not publish
            self._told()
        return _job(row, mine) if row else None

    async def renew(self, job: Job, lease: timedelta) -> bool:
        """Say that its worker lives; False: the job is not ours any more.

        Raises:
            DependencyDown: the database is away.
        """
        async with self._database.transaction() as connection:
            return await connection.fetchval(statements.RENEW, job.id, job.lease, lease) is not None

    async def give_back(self, job: Job) -> None:
        """Leave it to another, as if it had not been begun."""
        await self._change(statements.GIVE_BACK, job)

    async def try_again(self, job: Job, reason: str, after: timedelta) -> None:
        """It brought nothing this time."""
        await self._change(statements.TRY_AGAIN, job, _storable(reason), after)

    async def fail(self, job: Job, reason: str) -> None:
        """It brings nothing."""
        await self._change(statements.FAIL, job, _storable(reason))

    async def drop(self, job: Job) -> None:
        """Its branch exists no longer."""
        await self._change(statements.DROP, job)

    async def complete(self, job: Job, result: Result) -> None:
        """It is done."""
        clean = _storable_deep(msgspec.structs.asdict(result))
        columns = ("provider", "model", "prompt_version", "prompt_tokens", "completion_tokens", "total_tokens")
        more = ("cost_usd", "duration_ms", "content", "data", "remarks")
        values = [clean[name] for name in (*columns, *more)]
        await self._change(statements.COMPLETE, job, *values, result=_shown(clean))

    async def _change(self, statement: str, job: Job, *values: object, result: dict[str, Any] | None = None) -> None:
        async with self._database.transaction() as connection:
            row = await connection.fetchrow(statement, job.id, job.lease, *values)
            await _tell(connection, row, result or {})
        if row:
            self._told()


async def _tell(connection: Connection, row: asyncpg.Record | None, result: dict[str, Any]) -> None:
    if row:
        await OUTBOX.put(connection, [event_of(row, **result)])


def _job(row: asyncpg.Record, lease: UUID) -> Job:
    return Job(
        id=UUID(int=row["id"].int),
        lease=lease,
        conversation_id=UUID(int=row["conversation_id"].int),
        branch_id=row["branch_id"],
        attempt=row["attempts"],
        custom_prompt=row["custom_prompt"],
    )


def _shown(result: dict[str, Any]) -> dict[str, Any]:
    """A result's fields of an event."""
    tokens = AnalysisTokens(
        prompt=result["prompt_tokens"], completion=result["completion_tokens"], total=result["total_tokens"]
    )
    data = result["data"]
    return {
        **{name: result[name] for name in ("provider", "model", "prompt_version", "cost_usd", "content")},
        "token_usage": tokens,
        "data": msgspec.UNSET if data is None else msgspec.Raw(msgspec.json.encode(data)),
    }


def _storable(text: str) -> str:
    """The text as Postgres and JSON take it: without NUL, and without halves of surrogate pairs."""
    return text.replace(_NUL, "").encode("utf-8", "replace").decode()


def _storable_deep(value: Any) -> Any:
    if isinstance(value, str):
        return _storable(value)
    if isinstance(value, dict):
        return {_storable(name): _storable_deep(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_storable_deep(each) for each in value]
    return value
