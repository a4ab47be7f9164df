"""One spool directory on its way to the broker: what waits there already, and what is being written."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import structlog

from plait.common.errors import UserError
from plait.gateway.shipper.journal import Journal
from plait.gateway.shipper.leg import Leg
from plait.gateway.shipper.metrics import SPOOL_BEHIND_BYTES, SPOOL_BEHIND_SECONDS, SPOOL_BYTES, SPOOL_RUNNING
from plait.gateway.shipper.progress import Places
from plait.gateway.shipper.publishing import Publisher
from plait.gateway.spool.reader import present_end
from plait.gateway.spool.segments import Position, bytes_between, bytes_used, has, segment_numbers, segment_path
from plait.gateway.spool.shipping import Status, read_resume, write_resume, write_status
from plait.gateway.spool.writer import SpoolWriter

_MOST_AT_ONCE: Final = 200
_BACKLOG_BYTES: Final = 16 * 1024 * 1024
"""With more than so many bytes to catch up on, what is new does not wait for what is old."""
_BACKLOG_IN_FLIGHT: Final = 8 * 1024 * 1024
"""Bytes on their way beyond which the old waits: what is new would queue up behind it."""
_LEFT_SECONDS: Final = 10
_log = structlog.get_logger(__name__)


class Cargo:
    """Ships a directory from its resume point on, over one connection."""

    def __init__(self, directory: Path, publisher: Publisher, journal: Journal) -> None:
        self.directory = directory
        self._publisher = publisher
        resume, end = read_resume(directory), present_end(directory)
        self._before: Leg | None = None
        if bytes_between(directory, resume, end) > _BACKLOG_BYTES:
            self._before = Leg(directory, resume, publisher, journal, until=end)
            self._now = Leg(directory, end, publisher, journal)
            self._now.has_leg_before = True
            _log.info("a backlog is shipped beside what is new", spool=str(directory))
        else:
            self._now = Leg(directory, resume, publisher, journal)
        self._resume = resume
        self._unwritten = False
        self._caught_up_at = time.time()
        self._quiet_since = time.monotonic()

    async def ship_some(self) -> bool:
        """Publish what the next records say, the newest first; whether there were any."""
        moved = not self._now.is_choked and await self._now.ship_some(_MOST_AT_ONCE)
        await self._now.send_what_waits()
        if self._before is not None and self._publisher.in_flight < _BACKLOG_IN_FLIGHT:
            moved = await self._ship_backlog(self._before) or moved
        if moved:
            self._quiet_since = time.monotonic()
        return moved

    async def _ship_backlog(self, before: Leg) -> bool:
        moved = await before.ship_some(_MOST_AT_ONCE)
        if before.reader.is_through:
            await self._now.join(before)
            self._before = None
            _log.info("the backlog is shipped", spool=str(self.directory))
            return True
        await before.send_what_waits()
        return moved

    @property
    def behind(self) -> int:
        """Bytes that were not read yet."""
        behind = bytes_between(self.directory, self._now.reader.position)
        if self._before is not None:
            older = self._before.reader
            behind += bytes_between(self.directory, older.position, older.until)
        return behind

    @property
    def is_done(self) -> bool:
        """Whether nobody writes and all is read; what was left open is ended first."""
        return not has(self.directory, "writer") and not self._end_what_is_left() and not self.behind

    def let_go(self, is_safe: Callable[[Places], bool]) -> None:
        """Delete what is safe elsewhere, and write where to resume."""
        self._tell()
        if time.monotonic() - self._quiet_since > _LEFT_SECONDS:
            self._end_what_is_left()
        after = self._now.progress.resume_point(self._now.reader.position, is_safe)
        before = self._before
        resume = before.progress.resume_point(before.reader.position, is_safe) if before is not None else after
        if resume != self._resume:
            # Deleting comes first: on a full disk it makes the room that the resume point needs. Who reads an older
            # point goes on at the oldest segment that is left.
            self._delete_before(resume)
            self._keep(resume)

    def close(self) -> None:
        """Let go of the files."""
        for leg in (self._before, self._now):
            if leg is not None:
                leg.reader.close()

    def _tell(self) -> None:
        name, now, behind = self.directory.name, time.time(), self.behind
        if not behind and not self._publisher.in_flight:
            self._caught_up_at = now
        since = None if self._caught_up_at == now else self._caught_up_at
        write_status(self.directory, Status(now, broker_up=True, behind=behind, since=since))
        SPOOL_BYTES.labels(name).set(bytes_used(self.directory))
        SPOOL_BEHIND_BYTES.labels(name).set(behind)
        SPOOL_BEHIND_SECONDS.labels(name).set(now - self._caught_up_at)
        SPOOL_RUNNING.labels(name).set(sum(leg.running for leg in (self._before, self._now) if leg is not None))

    def _end_what_is_left(self) -> bool:
        """If there is something open that nobody writes, begin as a writer and end: readers then know its end."""
        at_end = self._before is None and [self._now.reader.position.segment] == segment_numbers(self.directory)[-1:]
        if not (self._now.running or self.behind) or not at_end or has(self.directory, "writer"):
            return False
        try:
            SpoolWriter(self.directory, segment_bytes=1, max_bytes=1).close()
        except UserError:  # one came in between: it says the same by beginning
            return False
        return True

    def _keep(self, resume: Position) -> None:
        """Write the resume point; where that fails it is tried again with the next check, and shipping goes on."""
        try:
            write_resume(self.directory, resume)
        except OSError as error:
            if not self._unwritten:
                _log.warning("the resume point cannot be written", reason=error.strerror)
            self._unwritten = True
        else:
            self._resume, self._unwritten = resume, False

    def _delete_before(self, resume: Position) -> None:
        for number in segment_numbers(self.directory):
            if number < resume.segment:
                segment_path(self.directory, number).unlink()
