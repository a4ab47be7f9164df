"""Appends records to segment files. A full or failing disk loses captures, counted by reason, and nothing else."""

from __future__ import annotations

import contextlib
import os
import time
from collections import Counter
from pathlib import Path
from typing import Final

import structlog

from plait.gateway.metrics import SPOOL_DROPPED
from plait.gateway.spool.frames import Frame, Kind, frame_head
from plait.gateway.spool.recovery import recover
from plait.gateway.spool.segments import bytes_used, lock, next_number, segment_path

_LOG_PAUSE_SECONDS: Final = 60
_TROUBLE_SECONDS: Final = 60
_RECOUNT_SECONDS: Final = 1
_MOST_OWED: Final = 10_000
_log = structlog.get_logger(__name__)


class SpoolWriter:
    """The one writer of a spool directory.

    A record is one `writev` with O_APPEND: in the page cache, and so safe from our own death, when `append` returns.
    Of the bound, the last tenth is kept for exchanges that were begun before; their ends are always written.
    """

    def __init__(self, directory: Path, *, segment_bytes: int, max_bytes: int) -> None:
        """Lock the directory, mend what a crash left, and open a new segment.

        Raises:
            UserError: another process writes this spool.
            OSError: the directory cannot be written.
        """
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._lock = lock(directory, "writer")
        self._directory = directory
        self._segment_bytes = segment_bytes
        self._max_bytes = max_bytes
        self._file = -1
        self._written = 0
        self._used = 0
        self._counted_at = 0.0
        self._drop_reason, self._dropped_at = "", -float(_TROUBLE_SECONDS)
        self._logged_at = -float(_LOG_PAUSE_SECONDS)
        self._owed: list[Frame] = []
        self.dropped: Counter[str] = Counter()
        """Records not written, by reason: `full` (our bound), `disk` (the system refused)."""
        closing = recover(directory)
        self._roll()
        for frame in closing:
            self.append(frame)

    @property
    def trouble(self) -> str:
        """Why captures were dropped within the last minute, empty when none was."""
        recent = time.monotonic() - self._dropped_at < _TROUBLE_SECONDS
        return self._drop_reason if recent else ""

    def append(self, frame: Frame) -> bool:
        """Write a record; False when it was dropped. An end that could not be written is written before the next."""
        if self._owed and not self._settle_debts():
            return self._refused(frame, "disk")
        if not self._has_room(frame):
            return self._refused(frame, "full")
        if not self._write(frame):
            return self._refused(frame, "disk")
        return True

    def sync(self) -> None:
        """Have the disk confirm all that was appended."""
        os.fsync(self._file)

    def close(self) -> None:
        """Sync, and let another process write."""
        if self._owed:
            self._settle_debts()
        with contextlib.suppress(OSError):
            self.sync()
        os.close(self._file)
        os.close(self._lock)

    def _settle_debts(self) -> bool:
        while self._owed and self._write(self._owed[0]):
            self._owed.pop(0)
        return not self._owed

    def _has_room(self, frame: Frame) -> bool:
        if frame.kind == Kind.END:
            return True
        bound = self._max_bytes if frame.kind != Kind.REQUEST else self._max_bytes * 9 // 10
        return self._used + frame.size <= bound or self._make_room(bound - frame.size)

    def _make_room(self, most: int) -> bool:
        """The shipper deletes segments behind our back: look whether at most `most` bytes are left, once a second.

        It deletes none that is still written to: while there is no room, that is none of those with records in them.
        """
        now = time.monotonic()
        if now - self._counted_at < _RECOUNT_SECONDS:
            return False
        self._used, self._counted_at = bytes_used(self._directory), now
        has_room = self._used <= most
        if not has_room and self._written:
            with contextlib.suppress(OSError):  # no room for that either: tried again after the next pause
                self._roll()
        return has_room

    def _write(self, frame: Frame) -> bool:
        try:
            if self._written >= self._segment_bytes or self._file < 0:
                self._roll()
            head = frame_head(frame.kind, frame.exchange, frame.payload)
            whole = os.writev(self._file, (head, frame.payload)) == frame.size
        except OSError:
            whole = False
        if not whole:
            self._take_back()
            return False
        self._written += frame.size
        self._used += frame.size
        return True

    def _take_back(self) -> None:
        """Cut off what a short write left; where even that fails, readers skip it as damage in a finished segment."""
        try:
            os.ftruncate(self._file, self._written)
        except OSError:
            self._written = self._segment_bytes

    def _roll(self) -> None:
        """Begin a new segment; the one before is kept open until that has worked."""
        path = segment_path(self._directory, next_number(self._directory))
        fresh = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o600)
        if self._file >= 0:
            os.close(self._file)
        self._file, self._written = fresh, 0
        self._used, self._counted_at = bytes_used(self._directory), time.monotonic()

    def _refused(self, frame: Frame, reason: str) -> bool:
        self.dropped[reason] += 1
        SPOOL_DROPPED.labels(reason).inc()
        now = time.monotonic()
        self._drop_reason, self._dropped_at = reason, now
        if frame.kind == Kind.END and len(self._owed) < _MOST_OWED:
            self._owed.append(frame)
        if now - self._logged_at >= _LOG_PAUSE_SECONDS:
            self._logged_at = now
            _log.error("captures are being dropped", reason=reason, dropped=dict(self.dropped))
        return False
