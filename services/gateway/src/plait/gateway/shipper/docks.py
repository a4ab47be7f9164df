"""The spools that one shipper serves: its own folder and those of a gateway's workers in it."""

from __future__ import annotations

import os
from pathlib import Path

from plait.common.errors import UserError
from plait.gateway.shipper.journal import Journal
from plait.gateway.spool.segments import lock, spools_under


class Docks:
    """Finds spools, holds each against other shippers, and keeps the journal of each over all voyages."""

    def __init__(self, directory: Path, patience: float = 0) -> None:
        """Raises UserError when another shipper keeps the folder for `patience` seconds."""
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._directory = directory
        self._locks: dict[Path, int] = {}
        self._journals: dict[Path, Journal] = {}
        self.refused: set[bytes] = set()
        """Exchanges that the broker refused for good."""
        self._take(directory, patience)

    def look(self) -> dict[Path, Journal]:
        """The spools that are held, with those that came since; one that another shipper has is left to it."""
        for spool in spools_under(self._directory):
            if spool not in self._journals:
                try:
                    self._take(spool)
                except UserError:
                    continue
        return self._journals

    def _take(self, spool: Path, patience: float = 0) -> None:
        self._locks[spool] = lock(spool, "shipper", patience)
        self._journals[spool] = Journal(spool)

    def rest(self, *, through: bool) -> None:
        """Nothing is in hand in any of them; `through`: because all was read, and the broker has it."""
        for journal in self._journals.values():
            journal.rest()
            if through and journal.suspect is not None:
                journal.acquit()

    def close(self) -> None:
        """Let other shippers have them."""
        for journal in self._journals.values():
            journal.close()
        for descriptor in self._locks.values():
            os.close(descriptor)
