"""The file of named keys (docs/keys.md), checked as a whole, and read again when it has changed."""

from __future__ import annotations

import os
import stat
import time
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Annotated, Final

import msgspec
import structlog
from msgspec import Meta, Struct

from plait.common.access.grants import ADMIN, VIEWER, Grant, Role
from plait.common.access.keys import Key, digest_of
from plait.common.errors import Broken

_log = structlog.get_logger()

_LARGEST: Final = 1 << 20
_LOOK_SECONDS: Final = 0.5
_RACY_SECONDS: Final = 2
"""A file that changed less than this before it was read may change again under the same stamp: it is read again."""
_YEARS: Final = range(1970, 9999)
"""What can be told in any time zone."""
_Moment = Annotated[datetime, Meta(tz=True)]
_KEPT: Final = r"^[^\x00]*$"
"""Texts that Postgres takes: without a NUL character."""
_Domain = Annotated[str, Meta(min_length=1, max_length=255, pattern=_KEPT)]


class NamedKey(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A key as the file holds it."""

    name: Annotated[str, Meta(min_length=1, max_length=200, pattern=_KEPT)]
    role: Role
    hash: str
    domains: Annotated[list[_Domain], Meta(min_length=1)] | None = None
    """None: all."""
    created: _Moment | None = None
    expires: _Moment | None = None
    disabled: bool = False


class Content(Struct, frozen=True):
    """The fields of the file that are read; others belong to others and are let be."""

    keys: list[NamedKey] = []


class Opener(Struct, frozen=True):
    """A key and what it opens."""

    key: Key
    grant: Grant


def read(raw: bytes) -> tuple[Opener, ...]:
    """The keys in the content of a file.

    Raises:
        Broken: it cannot be used; the message says why.
    """
    try:
        named = msgspec.json.decode(raw, type=Content).keys
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Broken(f"it is no file of keys: {error}") from error
    for name, count in Counter(key.name for key in named).items():
        if count > 1:
            raise Broken(f"two keys are called `{name}`")
        if name in (VIEWER, ADMIN):
            raise Broken(f"a key is called `{name}`: so the one of the settings is called")
    openers = tuple(_opener(key) for key in named)
    if len({opener.key.digest for opener in openers}) < len(openers):
        raise Broken("a key is listed twice, under two names")
    return openers


def _opener(given: NamedKey) -> Opener:
    digest = digest_of(given.hash)
    if digest is None:
        raise Broken(f"`hash` of the key `{given.name}` must be `sha256:` and 64 hex digits")
    if any(moment and moment.year not in _YEARS for moment in (given.created, given.expires)):
        raise Broken(f"`created` and `expires` of the key `{given.name}` must be in the years 1970 to 9998")
    ends = given.expires.timestamp() if given.expires else None
    domains = None if given.domains is None else frozenset(given.domains)
    return Opener(Key(given.name, digest, ends, given.disabled), Grant(given.name, given.role, domains))


class KeyFile:
    """The keys of one file, at most half a second old. One that breaks is told in the log; its last good keys hold."""

    def __init__(self, path: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._path = path
        self._clock = clock
        self._looked_at = float("-inf")
        self._stamp: tuple[int, ...] = ()
        self._openers: tuple[Opener, ...] = ()
        self._fault = ""

    def openers(self) -> tuple[Opener, ...]:
        """What the file says; nothing when there is none."""
        if self._clock() - self._looked_at >= _LOOK_SECONDS:
            self._looked_at = self._clock()
            self._look()
        return self._openers

    def _look(self) -> None:
        try:
            status = self._path.stat()
            stamp = (status.st_mtime_ns, status.st_ino, status.st_size, status.st_mode)
            if stamp == self._stamp:
                return
            self._openers = read(_content(self._path, status))
        except FileNotFoundError:
            self._stamp, self._openers, fault = (), (), ""
        except OSError as error:
            self._stamp, fault = (), f"it cannot be read: {error.strerror}"
        except Broken as broken:
            self._stamp, fault = (), str(broken)
        else:
            self._stamp, fault = stamp if time.time() - status.st_mtime > _RACY_SECONDS else (), ""
        self._tell(fault)

    def _tell(self, fault: str) -> None:
        if fault and fault != self._fault:
            _log.warning("the file of keys cannot be used, its last good keys hold", path=str(self._path), fault=fault)
        self._fault = fault


def _content(path: Path, status: os.stat_result) -> bytes:
    if not stat.S_ISREG(status.st_mode):
        raise Broken("it is no file")
    if status.st_mode & stat.S_IWOTH:
        raise Broken("every user of this machine may write it: `chmod 600` it")
    if status.st_size > _LARGEST:
        raise Broken(f"it is larger than {_LARGEST} bytes")
    return path.read_bytes()
