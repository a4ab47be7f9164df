"""Segment files and places in them."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from pathlib import Path
from typing import Final, NamedTuple

from plait.common.errors import UserError
from plait.gateway.spool.frames import HEAD

SET_ASIDE: Final = "set-aside"
"""Folder, in a spool, of exchanges that could not be shipped."""
_SUFFIX: Final = ".segment"
_LOCK_PAUSE_SECONDS: Final = 0.05


class Position(NamedTuple):
    """A place in a spool: segment number and byte offset of a frame's start. Ordered as the records are."""

    segment: int
    offset: int


START: Final = Position(0, 0)


def segment_numbers(directory: Path) -> list[int]:
    """Numbers of the segments that are there, ascending."""
    return sorted(int(path.stem) for path in directory.glob(f"*{_SUFFIX}") if path.stem.isdigit())


def segment_path(directory: Path, number: int) -> Path:
    """Where a segment lies."""
    return directory / f"{number:020d}{_SUFFIX}"


def next_number(directory: Path) -> int:
    """A number above all that were ever used, also those of deleted segments: milliseconds, if the clock is right."""
    now = int(time.time() * 1000)
    return max(now, *(number + 1 for number in segment_numbers(directory)[-1:]), 1)


def bytes_used(directory: Path) -> int:
    """Disk that the segments take."""
    total = 0
    for number in segment_numbers(directory):
        with contextlib.suppress(FileNotFoundError):  # the shipper deletes what it is done with
            total += segment_path(directory, number).stat().st_size
    return total


def bytes_between(directory: Path, position: Position, until: Position | None = None) -> int:
    """Bytes from a position on, to the end or to another."""
    total = 0
    for number in segment_numbers(directory):
        if number < position.segment or (until is not None and number > until.segment):
            continue
        with contextlib.suppress(FileNotFoundError):
            size = segment_path(directory, number).stat().st_size
            end = until.offset if until is not None and number == until.segment else size
            total += max(end - (position.offset if number == position.segment else 0), 0)
    return total


def spools_under(directory: Path) -> list[Path]:
    """The directory, and each in it that a writer has had: one for each worker of a gateway."""
    found = sorted(path.parent for path in directory.glob("*/writer.lock"))
    return [directory, *(spool for spool in found if spool.name != SET_ASIDE)]


def set_aside(spool: Path) -> set[bytes]:
    """The exchanges that could not be shipped: each is a segment whose number is its id."""
    folder = spool / SET_ASIDE
    numbers = [number for number in segment_numbers(folder) if number >> 64]  # smaller ones are times
    held = [number for number in numbers if segment_path(folder, number).stat().st_size > HEAD.size]  # not a mark alone
    return {number.to_bytes(16, "big") for number in held}


def lock(directory: Path, role: str, patience: float = 0) -> int:
    """Become the only process with this role on the directory, until the returned descriptor is closed.

    Who has the role may be just ending: it is waited for, `patience` seconds at most.

    Raises:
        UserError: another process has the role.
    """
    descriptor = os.open(directory / f"{role}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    until = time.monotonic() + patience
    while not _flock(descriptor):
        if time.monotonic() >= until:
            os.close(descriptor)
            raise UserError(f"the spool {directory} has a {role} already; end it, or give this one its own SPOOL_DIR")
        time.sleep(_LOCK_PAUSE_SECONDS)
    return descriptor


def has(directory: Path, role: str) -> bool:
    """Whether a process has this role on the directory now."""
    try:
        descriptor = os.open(directory / f"{role}.lock", os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        return not _flock(descriptor)
    finally:
        os.close(descriptor)


def _flock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
