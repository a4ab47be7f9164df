"""Work under a lease: it goes on while the lease is renewed, and ends before anybody else may begin with it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import cast
from uuid import uuid4

import pytest

from plait.analyzer import lease
from plait.analyzer.jobs import Job, Jobs
from plait.analyzer.lease import LeaseLost, hold
from plait.common.errors import DependencyDown

LEASE, BEAT_S = timedelta(seconds=60), 0.01
RENEWAL_S = 10.0
"""How long a renewal takes, by a clock that only renewals turn."""
JOB = Job(id=uuid4(), lease=uuid4(), conversation_id=uuid4(), branch_id="main", attempt=1, custom_prompt=None)


class Clock:
    now = 0.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(lease, "time", made)
    return made


class Renewing:
    """Stands in for the queue; `answer` is asked with the number of the renewal, from 1."""

    def __init__(self, clock: Clock, answer: Callable[[int], bool]) -> None:
        self._clock = clock
        self._answer = answer
        self.renewals = 0

    async def renew(self, job: Job, lease: timedelta) -> bool:
        assert (job, lease) == (JOB, LEASE)
        self.renewals += 1
        self._clock.now += RENEWAL_S
        return self._answer(self.renewals)


class Work:
    """Goes on until it is told to end, or is cancelled."""

    def __init__(self) -> None:
        self.enough = asyncio.Event()
        self.is_cancelled = False

    async def run(self) -> str:
        try:
            await self.enough.wait()
        except asyncio.CancelledError:
            self.is_cancelled = True
            raise
        return "done"


async def held(jobs: Renewing, work: Work) -> str:
    return await hold(cast("Jobs", jobs), JOB, LEASE, BEAT_S, work.run())


def down() -> bool:
    raise DependencyDown


async def test_it_is_renewed_while_the_work_goes_on(clock: Clock) -> None:
    work = Work()

    def renewed(number: int) -> bool:
        if number == 8:  # longer than a lease
            work.enough.set()
        return True

    jobs = Renewing(clock, renewed)
    assert await held(jobs, work) == "done"
    assert jobs.renewals >= 8


async def test_a_lease_that_was_taken_away_ends_the_work(clock: Clock) -> None:
    work = Work()
    with pytest.raises(LeaseLost):
        await held(Renewing(clock, lambda number: number < 2), work)
    assert work.is_cancelled


async def test_a_lease_that_cannot_be_renewed_ends_the_work_before_it_is_over(clock: Clock) -> None:
    work, jobs = Work(), Renewing(clock, lambda _: down())
    with pytest.raises(LeaseLost):
        await held(jobs, work)
    assert work.is_cancelled
    lived = jobs.renewals * RENEWAL_S
    assert LEASE.total_seconds() / 2 <= lived <= LEASE.total_seconds(), "a short absence is waited out"


async def test_a_short_absence_of_the_database_is_waited_out(clock: Clock) -> None:
    work = Work()

    def answer(number: int) -> bool:
        if number == 3:
            work.enough.set()
        return True if number != 1 else down()

    assert await held(Renewing(clock, answer), work) == "done"


async def test_what_the_work_raises_is_raised(clock: Clock) -> None:
    async def broken() -> None:
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        await hold(cast("Jobs", Renewing(clock, lambda _: True)), JOB, LEASE, BEAT_S, broken())


async def test_who_is_cancelled_cancels_the_work(clock: Clock) -> None:
    work = Work()
    holding = asyncio.create_task(held(Renewing(clock, lambda _: True), work))
    await asyncio.sleep(BEAT_S)
    holding.cancel()
    with pytest.raises(asyncio.CancelledError):
        await holding
    assert work.is_cancelled
