"""Which credential a domain has: its own, else that of the nearest wild card, else the default."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from plait.common.access.domains import less_specific
from plait.gateway.access.credentials import Credential

UNCONFIGURED: Final = Credential(path=Path())
"""Of every domain as long as there is no credential file at all."""


class Table:
    """All credential files at one moment. A domain whose file cannot be used is known, and nobody gets in."""

    def __init__(self, credentials: Mapping[str, Credential | None], *, configured: bool) -> None:
        """`credentials` by domain or pattern (None: the file was never good); `configured`: there is some file."""
        self._credentials = dict(credentials)
        self._configured = configured

    def find(self, domain: str) -> Credential | None:
        """The credential of a domain in normal form; None when there is none that can be used."""
        if not self._configured:
            return UNCONFIGURED
        if domain in self._credentials:
            return self._credentials[domain]
        return self._credentials.get(self.source(domain) or "")

    def source(self, domain: str) -> str | None:
        """The domain or pattern whose file counts for a domain; None when there is none."""
        return next((name for name in (domain, *less_specific(domain)) if name in self._credentials), None)

    @property
    def has_keys(self) -> bool:
        """Whether some domain has a client key."""
        return any(credential and credential.keys for credential in self._credentials.values())
