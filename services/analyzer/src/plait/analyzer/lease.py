"""Working under a lease: renewed while the work runs, and the work given up when it is lost."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine
from datetime import timedelta
from typing import Any, TypeVar

import structlog

from plait.analyzer.jobs import Job, Jobs
from plait.common.errors import DependencyDown, PlaitError

T = TypeVar("T")

_log = structlog.get_logger()


class LeaseLost(PlaitError):
    """The job is another's now, or was deleted, or made anew."""


async def hold(jobs: Jobs, job: Job, lease: timedelta, beat_s: float, work: Coroutine[Any, Any, T]) -> T:
    """The result of `work`, while the lease is renewed every `beat_s` seconds.

    When it could not be renewed in time, the work is cancelled before anybody else may begin with it.

    Raises:
        LeaseLost: it was.
    """
    working = asyncio.ensure_future(work)
    beating = asyncio.create_task(_beat(jobs, job, lease, beat_s))
    try:
        await asyncio.wait({working, beating}, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            return working.result()
        beating.result()
        raise LeaseLost
    finally:
        for task in (working, beating):
            task.cancel()
        await asyncio.gather(working, beating, return_exceptions=True)


async def _beat(jobs: Jobs, job: Job, lease: timedelta, beat_s: float) -> None:
    """Renew until the lease is lost; then return."""
    ours_until = time.monotonic() + lease.total_seconds() - beat_s
    while True:
        await asyncio.sleep(beat_s)
        begun = time.monotonic()
        try:
            async with asyncio.timeout_at(asyncio.get_running_loop().time() + max(0.0, ours_until - begun)):
                if not await jobs.renew(job, lease):
                    return
            ours_until = begun + lease.total_seconds() - beat_s
        except (DependencyDown, TimeoutError):
            if time.monotonic() >= ours_until:
                _log.warning("a lease could not be renewed in time", analysis_id=str(job.id))
                return
