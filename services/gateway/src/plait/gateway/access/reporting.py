"""Tells the log which credential files have changed, and once for each cause what is wrong; never what they hold."""

from __future__ import annotations

from typing import Final

import structlog

from plait.gateway.access.credentials import Credential
from plait.gateway.access.directory import Directory
from plait.gateway.metrics import CREDENTIAL_FILES

_FOLDER: Final = "(the folder)"
_MOST_NAMED: Final = 20
_log = structlog.get_logger(__name__)


class Reporter:
    """Remembers what it has told."""

    def __init__(self) -> None:
        self._problems: dict[str, str] = {}
        self._readable: set[str] = set()
        self._held: dict[str, Credential | None] = {}

    def begin(self, directory: Directory) -> None:
        """What a gateway starts with."""
        _log.info("credential files were read", folder=str(directory.path), files=len(directory.files))
        self._held = _held(directory)
        self.tell(directory)

    def tell(self, directory: Directory) -> None:
        """Whatever is new since the last time."""
        self._tell_changes(_held(directory))
        problems = directory.problems
        broken = sum(1 for file in directory.files.values() if file.problem)
        CREDENTIAL_FILES.labels("broken").set(broken)
        CREDENTIAL_FILES.labels("good").set(len(directory.files) - broken)
        for name, why in problems.items():
            if self._problems.get(name) != why:
                _log.warning("a credential file cannot be used", file=name or _FOLDER, reason=why)
        for name in self._problems.keys() - problems.keys():
            _log.info("a credential file can be used again", file=name or _FOLDER)
        readable = {name for name, file in directory.files.items() if file.readable_by_all}
        for name in sorted(readable - self._readable):
            _log.warning("every user of this machine may read a credential file", file=name, repair="chmod 600")
        self._problems, self._readable = problems, readable

    def _tell_changes(self, held: dict[str, Credential | None]) -> None:
        read = [name for name, credential in held.items() if credential != self._held.get(name)]
        gone = sorted(self._held.keys() - held.keys())
        if read or gone:
            _log.info("credential files were read", read=read[:_MOST_NAMED], gone=gone[:_MOST_NAMED], files=len(held))
        self._held = held


def _held(directory: Directory) -> dict[str, Credential | None]:
    return {name: file.credential for name, file in directory.files.items()}
