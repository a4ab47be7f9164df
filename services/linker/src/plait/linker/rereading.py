"""Facts read again off the recorded bodies: whole, where what is kept of them is what later rules may need."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import cast
from uuid import UUID

import asyncpg
import msgspec

from plait.common.events import Outcome, RequestData, ResponseData
from plait.common.queries.whole import Answered, Recorded, read_these
from plait.linker.domain.facts import Call, Facts
from plait.linker.domain.request import request_facts, with_answer
from plait.linker.streams import stored_calls


async def reread(connection: asyncpg.pool.PoolConnectionProxy, numbers: Sequence[UUID]) -> dict[UUID, Facts]:
    """The facts of these exchanges; those whose record is damaged or not there are left out."""
    found = (await read_these(connection, numbers)).values()
    return await facts_of_records(connection, [one for one in found if isinstance(one, Recorded)])


async def facts_of_records(
    connection: asyncpg.pool.PoolConnectionProxy, records: Sequence[Recorded]
) -> dict[UUID, Facts]:
    """The facts that the events of these exchanges had."""
    calls = await stored_calls(connection, [one.id for one in records if not one.answered])
    return {one.id: _facts_of(one, calls.get(one.id, ())) for one in records}


def _facts_of(recorded: Recorded, so_far: tuple[Call, ...]) -> Facts:
    asked = recorded.asked
    facts = request_facts(
        RequestData(
            exchange_id=recorded.id,
            domain=recorded.domain,
            thread="",
            started_at=recorded.started_at,
            method=asked.method,
            path=asked.path,
            headers=asked.headers,
            body_base64=asked.body,
            body_size=asked.size,
        )
    )
    if recorded.answered:
        return with_answer(facts, _response(recorded, recorded.answered))
    return msgspec.structs.replace(facts, so_far=so_far)


def _response(recorded: Recorded, answered: Answered) -> ResponseData:
    return ResponseData(
        exchange_id=recorded.id,
        domain=recorded.domain,
        thread="",
        started_at=recorded.started_at,
        outcome=cast("Outcome", answered.outcome),
        status=answered.status,
        headers=answered.headers,
        ended_at=recorded.started_at + timedelta(milliseconds=answered.duration_ms),
        duration_ms=answered.duration_ms,
        body_base64=answered.body,
    )
