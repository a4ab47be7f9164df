"""Has the disk itself confirm what was written, many exchanges with one call."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path


class GroupSync:
    """Syncs the file that is written to, and those before it, for all who wait at once.

    Costs a call of the disk (about a millisecond on flash) per group, and slows the writes that come meanwhile: the
    kernel lets none of them pass the sync of the same file.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._file = -1
        self._before: list[int] = []
        self._asked = 0
        self._done = 0
        self._running: asyncio.Task[None] | None = None

    def move_to(self, file: int) -> None:
        """From now on `file` is written to; the one before is synced and closed with the next call."""
        if self._file >= 0:
            self._before.append(self._file)
        self._file = file

    async def on_disk(self) -> None:
        """Returns when all that was written so far is on disk.

        Raises:
            OSError: the disk did not confirm it.
        """
        self._asked += 1
        wanted = self._asked
        while self._done < wanted:
            if self._running is None:
                self._running = asyncio.create_task(self._sync())
            await asyncio.shield(self._running)

    def close(self) -> None:
        """Close what was taken over; a call that runs has files of its own."""
        while self._before:
            os.close(self._before.pop())

    async def _sync(self) -> None:
        upto, before, self._before = self._asked, self._before, []
        copy = os.dup(self._file)
        try:
            await asyncio.to_thread(_sync_all, [*before, copy], self._directory if before else None)
        finally:
            self._running = None
            for descriptor in (*before, copy):
                os.close(descriptor)
        self._done = upto


def _sync_all(files: list[int], directory: Path | None) -> None:
    """A new file is on disk when its folder is too."""
    for file in files:
        os.fdatasync(file)
    if directory is not None:
        sync_folder(directory)


def sync_folder(directory: Path) -> None:
    """Have the disk confirm which files there are."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
