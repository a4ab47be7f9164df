"""Has the disk confirm, once a second, what gateways wrote: from this process, because theirs would wait for it."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Final

import structlog

from plait.gateway.spool.segments import segment_numbers, segment_path, spools_under
from plait.gateway.spool.syncing import sync_folder

_SECONDS: Final = 1.0
_log = structlog.get_logger(__name__)


class Syncing:
    """Syncs what has grown since it was synced last, in every spool of a folder."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._synced: dict[Path, int] = {}
        """Size of each spool's segments when they were synced."""

    async def run(self) -> None:
        """Go on until cancelled."""
        while True:
            try:
                await asyncio.to_thread(self.sync)
            except OSError as error:
                _log.warning("the spool cannot be synced", reason=error.strerror)
            await asyncio.sleep(_SECONDS)

    def sync(self) -> None:
        """Sync everything that has grown.

        Raises:
            OSError: the disk refuses.
        """
        synced: dict[Path, int] = {}
        for spool in spools_under(self._directory):
            for number in segment_numbers(spool):
                path = segment_path(spool, number)
                size = self._sync_grown(path)
                if size is not None:
                    synced[path] = size
        self._synced = synced

    def _sync_grown(self, path: Path) -> int | None:
        """Size of a segment that is on disk now, None when it was deleted meanwhile."""
        try:
            file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        try:
            size = os.fstat(file).st_size
            if size != self._synced.get(path):
                os.fdatasync(file)
        finally:
            os.close(file)
        if path not in self._synced:
            sync_folder(path.parent)
        return size
