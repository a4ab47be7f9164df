"""Reads a spool from any position to its present end, and goes on from there when more has been written."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Final

from plait.gateway.spool.ends import gateway_lost
from plait.gateway.spool.frames import HEAD, MARKER, Frame, Kind, frame_at, frame_size
from plait.gateway.spool.segments import START, Position, segment_numbers, segment_path

_BLOCK: Final = 1 << 20


class SpoolReader:
    """Yields whole frames in the order of writing.

    In the newest segment an unfinished frame is one that is being written: the reader waits before it. In an older
    segment it is damage: the reader skips to the next whole frame and counts one in `damaged`. Where a new writer
    began, it gives an end for each exchange that it has seen begin and not end: their gateway is gone.
    """

    def __init__(
        self, directory: Path, start: Position, *, settled: bool = False, until: Position | None = None
    ) -> None:
        """`settled`: nobody writes, so the newest segment is read as the older ones are. `until`: where to end."""
        self._directory = directory
        self.until = until
        """Where reading ends, None: nowhere."""
        self._settled = settled
        self._segment, self._base = start
        self._file = -1
        self._data = b""
        self._at = 0
        self.running: dict[bytes, None] = {}
        """Exchanges whose request was read and whose end was not, oldest first."""
        self.lives = 0
        """How many writers' beginnings were passed."""
        self.damaged = 0
        self.hit: set[bytes] = set()
        """Exchanges that lost a record to damage, as far as its head could still be read."""

    @property
    def position(self) -> Position:
        """Where the next frame will be read."""
        return Position(self._segment, self._base + self._at)

    def next(self) -> Frame | None:
        """The next frame, None when there is none yet."""
        while not self.is_through and self._open():
            frame = self._frame_here() or self._frame_behind_trouble()
            if frame is None:
                if not self._advance():
                    return None
            elif frame.kind != Kind.LIFE:
                self._at += frame.size
                return self._follow(frame)
            elif self.running:
                return self._follow(gateway_lost(next(iter(self.running))))
            else:
                self._at += frame.size
                self.lives += 1
        return None

    @property
    def is_through(self) -> bool:
        """Whether the place where reading was to end is reached."""
        return self.until is not None and (self._segment, self._base + self._at) >= self.until

    def close(self) -> None:
        """Let go of the file."""
        if self._file >= 0:
            os.close(self._file)
        self._file = -1
        self._data, self._at = b"", 0

    def _follow(self, frame: Frame) -> Frame:
        if frame.kind == Kind.REQUEST:
            self.running[frame.exchange] = None
        elif frame.kind == Kind.END:
            self.running.pop(frame.exchange, None)
        return frame

    def _open(self) -> bool:
        """Have a file in hand: the segment asked for, or the first after it when it was deleted."""
        while self._file < 0 and not self.is_through:
            there = [number for number in segment_numbers(self._directory) if number >= self._segment]
            if not there:
                return False
            if there[0] != self._segment:
                self._segment, self._base = there[0], 0
                continue
            with contextlib.suppress(FileNotFoundError):  # deleted since it was listed
                self._file = os.open(segment_path(self._directory, self._segment), os.O_RDONLY | os.O_CLOEXEC)
        return self._file >= 0

    def _frame_here(self) -> Frame | None:
        if not self._have(HEAD.size):
            return None
        size = frame_size(self._data, self._at)
        if size is None or not self._have(size):
            return None
        return frame_at(self._data, self._at)

    def _frame_behind_trouble(self) -> Frame | None:
        """No whole frame is here: in a finished segment, the next one behind the damage."""
        # Asked before reading again: what a segment holds once its successor exists is all that it will ever hold.
        final = self._settled or self._successor() is not None
        self._forget()
        found = self._frame_here()
        while found is None and final and self._skip_damage():
            found = self._frame_here()
        return found

    def _have(self, wanted: int) -> bool:
        """Whether `wanted` bytes are in hand from here on, read anew if they were not."""
        if len(self._data) - self._at < wanted:
            self._forget()
            # Of a damaged length never more is reserved than the file has.
            there = os.fstat(self._file).st_size - self._base
            self._data = os.pread(self._file, min(max(_BLOCK, wanted), max(there, 0)), self._base)
        return len(self._data) - self._at >= wanted

    def _forget(self) -> None:
        """Drop what was read: it is read again, because an unfinished write may have been taken back meanwhile."""
        self._base += self._at
        self._data, self._at = b"", 0

    def _skip_damage(self) -> bool:
        """Go to the next marker behind this place; False at the segment's end."""
        self._forget()
        # After a power cut a segment may end before the place up to which it was shipped.
        rest = os.pread(self._file, max(os.fstat(self._file).st_size - self._base, 0), self._base)
        if not rest:
            return False
        self.damaged += 1
        if frame_size(rest, 0) is not None:
            self.hit.add(HEAD.unpack_from(rest)[2])
        found = rest.find(MARKER, 1)
        while found >= 0 and frame_at(rest, found) is None:
            found = rest.find(MARKER, found + 1)
        self._base += found if found >= 0 else len(rest)
        return True

    def _successor(self) -> int | None:
        return next((number for number in segment_numbers(self._directory) if number > self._segment), None)

    def _advance(self) -> bool:
        """Go to the next segment, if this one is read to its end; damage to the end counts as read."""
        following = self._successor()
        if following is None or os.fstat(self._file).st_size > self._base:
            return False
        self.close()
        self._segment, self._base = following, 0
        return True


def present_end(directory: Path) -> Position:
    """Where the spool ends now: behind the last record that is whole by its head, found by their lengths alone."""
    numbers = segment_numbers(directory)
    if not numbers:
        return START
    file = os.open(segment_path(directory, numbers[-1]), os.O_RDONLY | os.O_CLOEXEC)
    try:
        end, at = os.fstat(file).st_size, 0
        while (size := frame_size(os.pread(file, HEAD.size, at), 0)) is not None and at + size <= end:
            at += size
    finally:
        os.close(file)
    return Position(numbers[-1], at)
