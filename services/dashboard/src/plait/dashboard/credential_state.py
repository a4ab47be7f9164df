"""Domains and whether their credentials work, from the folder that the gateway reads. No secret is looked at.

Fields that hold secrets are not named here, so they are not even decoded; nothing of a file is kept after a view.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

_SUFFIX: Final = ".credentials.json"
_LARGEST: Final = 1 << 20


class ClientKey(Struct, frozen=True):
    """A key by which clients are let into the domain."""

    name: str
    expires: datetime | None = None
    disabled: bool = False


class _Login(Struct, frozen=True, rename="camel"):
    expires_at: float = 0.0


class _File(Struct, frozen=True, rename="camel"):
    type: str | None = None
    account_id: str | None = None
    oauth: _Login | None = None
    client_api_keys: list[ClientKey] = msgspec.field(default_factory=list, name="client_api_keys")


class Domain(Struct, frozen=True, kw_only=True):
    """What is set up for one domain."""

    name: str
    kind: str
    """`api_key`, `oauth`, `none` (clients' own pass through), or `broken`."""
    account_id: str | None = None
    login_ends: datetime | None = None
    """Of a login: when its token ends; the gateway renews it before."""
    client_keys: list[ClientKey] = []


def domains_in(folder: Path) -> list[Domain]:
    """All domains that have a file, by name; none where there is no folder.

    Raises:
        OSError: the folder cannot be read.
    """
    if not folder.is_dir():
        return []
    return [_domain(path) for path in sorted(folder.iterdir()) if path.name.endswith(_SUFFIX)]


def _domain(path: Path) -> Domain:
    name = path.name.removesuffix(_SUFFIX)
    try:
        if path.stat().st_size > _LARGEST:
            return Domain(name=name, kind="broken")
        file = msgspec.json.decode(path.read_bytes(), type=_File)
        ends = datetime.fromtimestamp(file.oauth.expires_at / 1000, UTC) if file.oauth else None
    except (OSError, msgspec.DecodeError, UnicodeDecodeError, OverflowError, ValueError):
        return Domain(name=name, kind="broken")
    kind = file.type if file.type in ("api_key", "oauth") else "broken" if file.type else "none"
    return Domain(name=name, kind=kind, account_id=file.account_id, login_ends=ends, client_keys=file.client_api_keys)
