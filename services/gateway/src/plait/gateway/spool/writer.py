"""Appends records to segment files. A full or failing disk loses captures, counted by reason, and nothing else."""

from __future__ import annotations

import contextlib
import os
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import accumulate, takewhile
from pathlib import Path
from typing import Final, TypeGuard

import structlog

from plait.common.errors import UserError
from plait.gateway.metrics import SPOOL_DROPPED
from plait.gateway.spool.ends import capture_lost
from plait.gateway.spool.frames import Frame, Kind, LongFrame, frame_head
from plait.gateway.spool.records import Record, to_frame
from plait.gateway.spool.segments import bytes_used, lock, next_number, segment_path
from plait.gateway.spool.syncing import GroupSync

_LOG_PAUSE_SECONDS: Final = 60
_TROUBLE_SECONDS: Final = 60
_RECOUNT_SECONDS: Final = 1
_LOOK_SECONDS: Final = 1
_LOCK_SECONDS: Final = 2
_MOST_OWED: Final = 10_000
_MOST_OWED_BYTES: Final = 4096
"""An end that came with a longer answer is written without it when there is no room."""
_MOST_PARTS: Final = os.sysconf("SC_IOV_MAX")
"""What one `writev` takes."""
_MOST_AT_ONCE: Final = _MOST_PARTS // 2
"""Records, each a head and a payload, that one `writev` takes."""
_NONE: Final[frozenset[bytes]] = frozenset()
_LIFE: Final = Frame(Kind.LIFE, bytes(16), b"")
_log = structlog.get_logger(__name__)


class SpoolWriter:
    """The one writer of a spool directory.

    The records of one call are one `writev` with O_APPEND: in the page cache, and so safe from our own death, when it
    returns. Of the bound, the last tenth is kept for exchanges that were begun before; their ends are always written.
    """

    def __init__(self, directory: Path, *, segment_bytes: int, max_bytes: int, always_syncs: bool = False) -> None:
        """Lock the directory and open a new segment. Nothing of what is there is read: clients would wait meanwhile.

        A disk that refuses is tried again with each record. `always_syncs`: who answers a client waits for `on_disk`.

        Raises:
            UserError: another process writes this spool.
        """
        self._directory = directory
        self._segment_bytes = segment_bytes
        self._max_bytes = max_bytes
        self.always_syncs = always_syncs
        self._lock = -1
        self._file = -1
        self._written = 0
        self._used = 0
        self._counted_at = 0.0
        self._looked_at = time.monotonic()
        self._drop_reason, self._dropped_at = "", -float(_TROUBLE_SECONDS)
        self._logged_at = -float(_LOG_PAUSE_SECONDS)
        self._owed: list[Frame] = [_LIFE]
        self._sync = GroupSync(directory)
        self.dropped: Counter[str] = Counter()
        """Records not written, by reason: `full` (our bound), `disk` (the system refused)."""
        try:
            self._become_writer(_LOCK_SECONDS)
        except OSError:
            self._in_trouble("disk")
        else:
            self._settle_debts()

    @property
    def trouble(self) -> str:
        """Why captures were dropped within the last minute, empty when none was."""
        recent = time.monotonic() - self._dropped_at < _TROUBLE_SECONDS
        return self._drop_reason if recent else ""

    def append(self, frame: Frame | LongFrame) -> bool:
        """Write a record; False when it was dropped. An end that could not be written is written before the next."""
        return not self.append_many((frame,))

    def record(self, exchange: bytes, record: Record | LongFrame) -> bool:
        """`append` of a record that is not encoded yet, or has been as it came."""
        return self.append(record if isinstance(record, LongFrame) else to_frame(exchange, record))

    def append_many(self, frames: Sequence[Frame | LongFrame]) -> frozenset[bytes]:
        """Write records in their order, in one go; returns the exchanges of which one was dropped.

        Of such an exchange nothing more is to be appended but its end. What of it follows among `frames` is dropped
        too, save its end, which then says `capture_lost`; without its request it has no end either.
        """
        size = sum([frame.size for frame in frames])
        if not self._owed and len(frames) <= _MOST_AT_ONCE and self._used + size <= self._max_bytes * 9 // 10:
            written = self._write(frames, size)
            return _NONE if written == len(frames) else self._drop(frames[written:], "disk", {})
        return self._append_carefully(frames)

    async def recorded(self, _exchange: bytes) -> None:
        """Returns when what was recorded of an exchange is written: it is."""

    async def on_disk(self) -> None:
        """Returns when the disk has confirmed all that was appended; those who ask meanwhile share the next call.

        A disk that refuses is trouble of the spool, not of the caller.
        """
        try:
            if self.always_syncs and self._file >= 0:
                await self._sync.on_disk()
        except OSError:
            self._in_trouble("disk")

    def close(self) -> None:
        """Sync, and let another process write."""
        self._settle_debts()
        for descriptor in (self._file, self._lock):
            if descriptor >= 0:
                with contextlib.suppress(OSError):
                    os.fsync(descriptor)
                os.close(descriptor)
        self._sync.close()

    def _become_writer(self, patience: float = 0) -> None:
        self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        if self._lock < 0:
            self._lock = lock(self._directory, "writer", patience)
        self._roll()

    def _append_carefully(self, frames: Iterable[Frame | LongFrame]) -> frozenset[bytes]:
        """Record by record, each if there is room for it, and none before what is owed."""
        lost: dict[bytes, int] = {}
        for frame in frames:
            if self._owed and not self._settle_debts():
                self._drop((frame,), "disk", lost)
            elif frame.exchange in lost:
                self._drop((frame,), self._drop_reason, lost)
            elif not self._has_room(frame):
                self._drop((frame,), "full", lost)
            elif not self._write((frame,), frame.size):
                self._drop((frame,), "disk", lost)
        self._settle_debts()
        return frozenset(lost)

    def _drop(self, frames: Iterable[Frame | LongFrame], reason: str, lost: dict[bytes, int]) -> frozenset[bytes]:
        """Count what cannot be written. An end is owed, unless its request is among what was `lost` (first kinds)."""
        for frame in frames:
            self._count(reason)
            first = lost.setdefault(frame.exchange, frame.kind)
            if _is_end(frame) and first != Kind.REQUEST and len(self._owed) < _MOST_OWED:
                is_short = len(frame.payload) <= _MOST_OWED_BYTES
                self._owed.append(frame if first == Kind.END and is_short else capture_lost(frame))
        return frozenset(lost)

    def _settle_debts(self) -> bool:
        while self._owed and self._write(self._owed[:1], self._owed[0].size):
            self._owed.pop(0)
        return not self._owed

    def _has_room(self, frame: Frame | LongFrame) -> bool:
        if _is_end(frame) and len(frame.payload) <= _MOST_OWED_BYTES:
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

    def _write(self, frames: Sequence[Frame | LongFrame], size: int) -> int:
        """Write records of together `size` bytes; returns how many of them, from the first on, are written whole."""
        parts: list[bytes] = []
        for frame in frames:
            if isinstance(frame, LongFrame):
                parts += frame.parts
            else:
                parts.append(frame_head(*frame))
                parts.append(frame.payload)
        written = 0
        try:
            if self._file < 0 or self._is_gone():
                self._become_writer()
            elif self._written >= self._segment_bytes:
                self._roll()
            written = os.writev(self._file, parts) if len(parts) <= _MOST_PARTS else _write_all(self._file, parts)
        except (OSError, UserError):  # or another writer came while we had no disk
            written = 0
        if written == size:
            self._written += size
            self._used += size
            return len(frames)
        return self._cut_back(frames, written)

    def _is_gone(self) -> bool:
        """Whether the file was deleted under our hands, looked at once a second: what it gets, nobody will read."""
        now = time.monotonic()
        if now - self._looked_at < _LOOK_SECONDS:
            return False
        self._looked_at = now
        if os.fstat(self._file).st_nlink:
            return False
        _log.error("the spool was deleted while it was written, and is begun anew", spool=str(self._directory))
        os.close(self._lock)
        if not self.always_syncs:  # else it is the sync's to close
            os.close(self._file)
        self._lock = self._file = -1
        return True

    def _cut_back(self, frames: Iterable[Frame | LongFrame], written: int) -> int:
        """After a short write of `written` bytes: end the segment with the last whole record."""
        ends = takewhile(lambda end: end <= written, accumulate(frame.size for frame in frames))
        whole = list(ends)
        kept = whole[-1] if whole else 0
        self._written += kept
        self._used += kept
        self._take_back()
        return len(whole)

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
        if self.always_syncs:
            self._sync.move_to(fresh)
        elif self._file >= 0:
            os.close(self._file)
        self._file, self._written = fresh, 0
        self._used, self._counted_at = bytes_used(self._directory), time.monotonic()

    def _count(self, reason: str) -> None:
        self.dropped[reason] += 1
        SPOOL_DROPPED.labels(reason).inc()
        self._in_trouble(reason)

    def _in_trouble(self, reason: str) -> None:
        now = time.monotonic()
        self._drop_reason, self._dropped_at = reason, now
        if now - self._logged_at >= _LOG_PAUSE_SECONDS:
            self._logged_at = now
            _log.error("captures are being dropped", reason=reason, dropped=dict(self.dropped))


def _is_end(frame: Frame | LongFrame) -> TypeGuard[Frame]:
    return frame.kind == Kind.END


def _write_all(file: int, parts: Sequence[bytes]) -> int:
    """As `writev`, however many they are."""
    written = 0
    for at in range(0, len(parts), _MOST_PARTS):
        group = parts[at : at + _MOST_PARTS]
        now = os.writev(file, group)
        written += now
        if now < sum(map(len, group)):
            break
    return written
