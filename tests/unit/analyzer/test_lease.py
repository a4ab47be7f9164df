"""Work under a lease: it goes on while the lease is renewed, and ends before anybody else may begin with it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import timedelta
from typing import cast
from uuid import uuid4

import pytest

from plait.analyzer.jobs import Job, Jobs
from plait.analyzer.lease import LeaseLost, hold
from plait.common.errors import DependencyDown

LEASE, BEAT_S = timedelta(seconds=0.6), 0.1
JOB = Job(id=uuid4(), lease=uuid4(), conversation_id=uuid4(), branch_id="main", attempt=1, custom_prompt=None)


class Renewing:
    """Stands in for the queue; `answer` is asked with the number of the renewal, from 1."""

    def __init__(self, answer: Callable[[int], bool]) -> None:
        self._answer = answer
        self.renewals = 0

    async def renew(self, job: Job, lease: timedelta) -> bool:
        assert (job, lease) == (JOB, LEASE)
        self.renewals += 1
        return self._answer(self.renewals)


class Work:
    """Goes on until it is told to end, or is cancelled."""

    def __init__(self) -> None:
        self.enough = asyncio.Event()
        self.cancelled_at: float | None = None

    async def run(self) -> str:
        try:
            await self.enough.wait()
        except asyncio.CancelledError:
            self.cancelled_at = time.monotonic()
            raise
        return "done"


async def held(jobs: Renewing, work: Work) -> str:
    return await hold(cast("Jobs", jobs), JOB, LEASE, BEAT_S, work.run())


def down() -> bool:
    raise DependencyDown


async def test_it_is_renewed_while_the_work_goes_on() -> None:
    work = Work()

    def renewed(number: int) -> bool:
        if number == 8:  # longer than a lease
            work.enough.set()
        return True

    jobs = Renewing(renewed)
    assert await held(jobs, work) == "done"
    assert jobs.renewals >= 8


async def test_a_lease_that_was_taken_away_ends_the_work() -> None:
    work = Work()
    with pytest.raises(LeaseLost):
        await held(Renewing(lambda number: number < 2), work)
    assert work.cancelled_at is not None


async def test_a_lease_that_cannot_be_renewed_ends_the_work_before_it_is_over() -> None:
    work, begun = Work(), time.monotonic()
    with pytest.raises(LeaseLost):
        await held(Renewing(lambda _: down()), work)
    assert work.cancelled_at is not None
    assert work.cancelled_at - begun >= LEASE.total_seconds() / 2, "a short absence is waited out"


async def test_a_short_absence_of_the_database_is_waited_out() -> None:
    work = Work()

    def answer(number: int) -> bool:
        if number == 3:
            work.enough.set()
        return True if number != 1 else down()

    assert await held(Renewing(answer), work) == "done"


async def test_what_the_work_raises_is_raised() -> None:
    async def broken() -> None:
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        await hold(cast("Jobs", Renewing(lambda _: True)), JOB, LEASE, BEAT_S, broken())


async def test_who_is_cancelled_cancels_the_work() -> None:
    work = Work()
    holding = asyncio.create_task(held(Renewing(lambda _: True), work))
    await asyncio.sleep(BEAT_S)
    holding.cancel()
    with pytest.raises(asyncio.CancelledError):
        await holding
    assert work.cancelled_at is not None
