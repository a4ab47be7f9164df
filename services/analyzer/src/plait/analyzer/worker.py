"""Takes jobs and makes them, several at a time."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Final, Literal

import structlog

from plait.analyzer.analysing import Analyst, NoBranch
from plait.analyzer.jobs import Job, Jobs
from plait.analyzer.lease import LeaseLost, hold
from plait.analyzer.pauses import pause
from plait.analyzer.providers import Refused, Unavailable
from plait.analyzer.settings import Settings
from plait.common.errors import DependencyDown
from plait.common.metrics import ANALYSES, ANALYSIS_SECONDS

_LOOK_EVERY_S: Final = 1.0
_AGAIN_S: Final = 5.0
_FAREWELL_S: Final = 0.4
"""How long giving a job back may take when the part ends; else its lease runs out."""
_BROKEN: Final = "Something went wrong in Plait: {}. The analyzer's log says more."

Became = Literal["completed", "failed", "put_off", "given_up"]

_log = structlog.get_logger()


class Worker:
    """Carries jobs out, until cancelled."""

    def __init__(self, jobs: Jobs, analyst: Analyst, settings: Settings) -> None:
        self._jobs = jobs
        self._analyst = analyst
        self._settings = settings
        self._free = asyncio.Semaphore(settings.analysis_concurrency)

    async def run(self) -> None:
        """Take one job after the other, as long as there is somebody free to make it."""
        async with asyncio.TaskGroup() as tasks:
            while True:
                await self._free.acquire()
                job = await self._next()
                tasks.create_task(self._carry_out(job)).add_done_callback(lambda _: self._free.release())

    async def _next(self) -> Job:
        """The next job that is due; waits for one."""
        most, attempts = self._settings.analysis_concurrency, self._settings.analysis_attempts
        while True:
            try:
                if job := await self._jobs.take(self._settings.lease, at_once=most, attempts=attempts):
                    return job
                await asyncio.sleep(_LOOK_EVERY_S)
            except DependencyDown as error:
                _log.warning("jobs cannot be looked for", reason=str(error))
                await asyncio.sleep(_AGAIN_S)

    async def _carry_out(self, job: Job) -> None:
        """Make it, whatever comes of it."""
        log = _log.bind(analysis_id=str(job.id), attempt=job.attempt)
        log.info("analysis begun")
        became: Became
        try:
            with ANALYSIS_SECONDS.time():
                became = await self._made(job)
        except LeaseLost:
            became = "given_up"
        except DependencyDown as error:  # its lease runs out, and it is taken over
            became = "given_up"
            log.warning("an analysis cannot be written down", reason=str(error))
        except asyncio.CancelledError:
            with suppress(DependencyDown, TimeoutError):
                async with asyncio.timeout(_FAREWELL_S):
                    await self._jobs.give_back(job)
            raise
        ANALYSES.labels(became).inc()
        log.info("analysis ended", became=became)

    async def _made(self, job: Job) -> Became:
        """What became of it.

        Raises:
            LeaseLost: nothing; it is another's.
            DependencyDown: nothing could be written.
        """
        settings = self._settings
        try:
            work = self._analyst.make(job)
            await self._jobs.complete(job, await hold(self._jobs, job, settings.lease, settings.beat_s, work))
        except NoBranch:
            await self._jobs.drop(job)
            return "given_up"
        except Refused as error:
            await self._jobs.fail(job, str(error))
            return "failed"
        except Unavailable as error:
            return await self._put_off(job, error)
        except (LeaseLost, DependencyDown):
            raise
        except Exception as error:
            _log.exception("analysis broke", analysis_id=str(job.id))
            await self._jobs.fail(job, _BROKEN.format(type(error).__name__))
            return "failed"
        return "completed"

    async def _put_off(self, job: Job, error: Unavailable) -> Became:
        if job.attempt >= self._settings.analysis_attempts:
            await self._jobs.fail(job, str(error))
            return "failed"
        await self._jobs.try_again(job, str(error), pause(self._settings.analysis_retry_s, job.attempt, error.after_s))
        return "put_off"
