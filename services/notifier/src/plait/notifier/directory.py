"""What credential files say that matters here: where a domain's notices go, and whether its login is good.

The folder is looked at again and again (docs/credentials.md): a change is in force within a second or two, and the last
good content of a file that breaks stays.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final

import msgspec
import structlog
from msgspec import Meta, Struct

from plait.common.access.domains import domain_named, less_specific

_SUFFIX: Final = ".credentials.json"
_LARGEST: Final = 1 << 20

_log = structlog.get_logger()


class Slack(Struct, frozen=True):
    """A credential file's `slack` block; what it leaves out is as the settings have it."""

    webhook_url: str | None = None
    channel: str | None = None
    username: str | None = None
    icon_emoji: str | None = None
    enabled: bool | None = None
    """True: also where the domain's name holds `personal`. False: nothing goes to Slack."""


class _OAuth(Struct, frozen=True, rename="camel"):
    access_token: str = ""
    expires_at: Annotated[float, Meta(ge=0)] = 0
    refresh_token: str | None = None


class _File(Struct, frozen=True):
    type: str | None = None
    api_key: str | None = None
    oauth: _OAuth | None = None
    slack: Slack | None = None


class Entry(Struct, frozen=True, kw_only=True):
    """What one file says."""

    name: str
    """Domain or pattern."""
    slack: Slack | None
    credential: str | None
    """A mark of the credential for Claude, which changes with it; None: the domain has none of its own."""
    is_login: bool
    """Rather than an API key."""
    ends_at: float | None
    """Unix seconds after which a login is of no use, where no refresh token can renew it."""


class Table:
    """All files at one moment."""

    def __init__(self, entries: Mapping[str, Entry]) -> None:
        self._entries = dict(entries)

    def find(self, domain: str) -> Entry | None:
        """The file that counts for a domain."""
        names = (domain, *less_specific(domain))
        return next((self._entries[name] for name in names if name in self._entries), None)

    @property
    def names(self) -> list[str]:
        """Domains and patterns that have a file."""
        return list(self._entries)

    @property
    def ended(self) -> list[Entry]:
        """Logins that have ended and that nothing but a person can renew."""
        now = time.time()
        return [one for one in self._entries.values() if one.ends_at is not None and one.ends_at <= now]


class Directory:
    """The credential files of one folder. `look` blocks: it is not for the loop."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stamps: dict[str, tuple[int, ...]] = {}
        self._entries: dict[str, Entry] = {}
        self.table = Table({})

    def look(self) -> Table:
        """Read what has changed; a folder that cannot be read changes nothing."""
        try:
            names = sorted(n for n in os.listdir(self._path) if n.endswith(_SUFFIX) and not n.startswith("."))  # noqa: PTH208 - names only
        except OSError:
            return self.table
        for name in names:
            self._read(name)
        for gone in self._stamps.keys() - set(names):
            del self._stamps[gone]
            self._entries.pop(gone, None)
        entries = (self._entries[name] for name in reversed(names) if name in self._entries)
        self.table = Table({entry.name: entry for entry in entries})
        return self.table

    def _read(self, name: str) -> None:
        domain = domain_named(name.removesuffix(_SUFFIX))
        try:
            status = (self._path / name).stat()
            stamp = (status.st_mtime_ns, status.st_ino, status.st_size)
            if self._stamps.get(name) == stamp or domain is None or status.st_size > _LARGEST:
                return
            self._entries[name] = _entry(domain, (self._path / name).read_bytes())
            self._stamps[name] = stamp
        except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            if self._stamps.get(name) != ():
                _log.warning("a credential file cannot be read for its slack block", error=type(error).__name__)
            self._stamps[name] = ()


def _entry(domain: str, raw: bytes) -> Entry:
    file = msgspec.json.decode(raw, type=_File)
    login = file.oauth if file.type == "oauth" else None
    secret = login.access_token if login else file.api_key if file.type == "api_key" else None
    return Entry(
        name=domain,
        slack=file.slack,
        credential=hashlib.sha256(secret.encode()).hexdigest()[:12] if secret else None,
        is_login=login is not None,
        ends_at=login.expires_at / 1000 if login and not login.refresh_token else None,
    )
