"""The folder of credential files: reads what has changed, and keeps the last good one of a file that broke."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from plait.common.access.domains import domain_named
from plait.common.errors import Broken
from plait.gateway.access import credentials
from plait.gateway.access.credentials import Credential
from plait.gateway.access.table import Table

SUFFIX: Final = ".credentials.json"
_LARGEST: Final = 1 << 20
_RACY_SECONDS: Final = 2
"""A file that changed less than this before it was read may change again under the same stamp: it is read again."""


@dataclass(frozen=True)
class File:
    """One credential file as it was last seen."""

    path: Path
    domain: str | None
    """Domain or pattern in normal form; None when its name is none."""
    stamp: tuple[int, ...] = ()
    settled: bool = False
    credential: Credential | None = None
    """What its last good content says."""
    fault: str = ""
    """Why its present content cannot be used."""
    twin: str = ""
    """Name of a file for the same domain that goes before it."""
    readable_by_all: bool = False

    @property
    def problem(self) -> str:
        """Why it is not in force as it stands; empty when it is."""
        return self.fault or (self.twin and f"`{self.twin}` is for the same domain, and goes before it")


class Directory:
    """The credential files of one folder. `scan` blocks: it is not for the loop."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.files: dict[str, File] = {}
        """By file name, in order."""
        self.fault = ""
        """Why the folder itself cannot be read; what was read before holds on."""

    def scan(self) -> Table:
        """Look at the folder, read what has changed, and say what it holds."""
        try:
            names = sorted(name for name in os.listdir(self.path) if _is_credential(name))  # noqa: PTH208 - names only
        except OSError as error:
            is_new = isinstance(error, FileNotFoundError) and not self.files
            self.fault = "" if is_new else f"the folder cannot be read: {error.strerror}"
        else:
            self.fault = ""
            self.files = _without_twins([self._look(name) for name in names])
        known = {file.domain: file.credential for file in self.files.values() if file.domain and not file.twin}
        return Table(known, configured=bool(self.files or self.fault))  # what cannot be read is not taken for nothing

    def path_of(self, domain: str) -> Path:
        """Where the file of a domain or pattern in normal form is, as of the last look, or where it belongs."""
        found = (file.path for file in self.files.values() if file.domain == domain and not file.twin)
        return next(found, self.path / f"{domain}{SUFFIX}")

    @property
    def problems(self) -> dict[str, str]:
        """What is wrong, by file name; by an empty name what is wrong with the folder."""
        files = {name: file.problem for name, file in self.files.items() if file.problem}
        return files | ({"": self.fault} if self.fault else {})

    def _look(self, name: str) -> File:
        path = self.path / name
        before = self.files.get(name) or File(path, domain_named(name.removesuffix(SUFFIX)))
        try:
            status = path.stat()
            stamp = (status.st_mtime_ns, status.st_ino, status.st_size, status.st_mode)
            if before.settled and before.stamp == stamp:
                return before
            return File(
                path,
                before.domain,
                stamp,
                settled=time.time() - status.st_mtime > _RACY_SECONDS,
                credential=_read(before, status),
                readable_by_all=bool(status.st_mode & stat.S_IROTH),
            )
        except OSError as error:
            return replace(before, settled=False, fault=f"it cannot be read: {error.strerror}")
        except Broken as broken:
            return replace(before, settled=False, fault=str(broken))


def _without_twins(files: Iterable[File]) -> dict[str, File]:
    """By name; of two files for one domain the second is marked."""
    first: dict[str, str] = {}
    marked = {}
    for file in files:
        name = file.path.name
        before = first.setdefault(file.domain, name) if file.domain else name
        marked[name] = replace(file, twin="" if before == name else before)
    return marked


def _is_credential(name: str) -> bool:
    return name.endswith(SUFFIX) and not name.startswith(".")


def _read(file: File, status: os.stat_result) -> Credential:
    if file.domain is None:
        raise Broken("its name is not `<domain>.credentials.json`")
    if not stat.S_ISREG(status.st_mode):
        raise Broken("it is no file")
    if status.st_mode & stat.S_IWOTH:
        raise Broken("every user of this machine may write it: `chmod 600` it")
    if status.st_size > _LARGEST:
        raise Broken(f"it is larger than {_LARGEST} bytes")
    return credentials.read(file.path, file.path.read_bytes())
