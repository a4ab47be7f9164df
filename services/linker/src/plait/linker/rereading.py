"""Facts read again off the recorded bodies: whole, where what is kept of them is what later rules may need."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import cast
from uuid import UUID

import asyncpg

from plait.common.events import Outcome, RequestData, ResponseData
from plait.common.queries.whole import Answered, Recorded, read_these
from plait.linker.domain.facts import Facts
from plait.linker.domain.request import request_facts, with_answer


async def reread(connection: asyncpg.pool.PoolConnectionProxy, numbers: Sequence[UUID]) -> dict[UUID, Facts]:
    """The facts of these exchanges; those whose record is damaged or not there are left out."""
    found = await read_these(connection, numbers)
    return {number: facts_of_record(one) for number, one in found.items() if isinstance(one, Recorded)}


def facts_of_record(recorded: Recorded) -> Facts:
    """The facts that the events of this exchange had."""
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
    return with_answer(facts, _response(recorded, recorded.answered)) if recorded.answered else facts


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
