"""What the shipper leaves beside the segments: the point to resume from, and how it is doing."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Final, TypeVar

import msgspec
from msgspec import Struct

from plait.gateway.spool.segments import START, Position

_RESUME: Final = "resume.json"
_STATUS: Final = "shipper.json"
FileT = TypeVar("FileT")


class Status(Struct, frozen=True):
    """How the shipper is doing, written about once a second."""

    at: float
    """Unix seconds."""
    broker_up: bool
    behind: int = 0
    """Bytes of the spool that are not read yet."""
    since: float | None = None
    """Unix seconds at which all was acknowledged last; None while it is."""


def read_resume(directory: Path) -> Position:
    """The oldest position that has to be read again; the beginning when none was ever written or it is unreadable."""
    return _read(directory / _RESUME, Position) or START


def write_resume(directory: Path, position: Position) -> None:
    """Replace the resume point in one step."""
    _write(directory / _RESUME, position)


def read_status(directory: Path) -> Status | None:
    """The shipper's last word, None when there is none."""
    return _read(directory / _STATUS, Status)


def write_status(directory: Path, status: Status) -> None:
    """Replace the shipper's last word. On a full disk the old one stays: it ages, and readers judge it by its age."""
    with contextlib.suppress(OSError):
        _write(directory / _STATUS, status)


def _read(path: Path, type_: type[FileT]) -> FileT | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=type_)
    except (FileNotFoundError, msgspec.DecodeError):
        return None


def _write(path: Path, value: object) -> None:
    fresh = path.with_suffix(".new")
    file = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        os.write(file, msgspec.json.encode(value))
    finally:
        os.close(file)
    fresh.replace(path)
