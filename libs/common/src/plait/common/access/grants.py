"""What a key opens: reading alone or administration too, of everything or of some domains."""

from __future__ import annotations

from typing import Final, Literal

from msgspec import Struct

Role = Literal["viewer", "admin"]
"""viewer reads; admin also deletes."""
VIEWER: Final = "DASHBOARD_API_KEY"
ADMIN: Final = "ADMIN_API_KEY"
"""Names under which the keys of the settings act; no key of the file has one of them."""


class Grant(Struct, frozen=True):
    """What is opened to whoever has one key."""

    name: str
    """The key's: under it actions are recorded and calls are counted."""
    role: Role
    domains: frozenset[str] | None = None
    """Domains in normal form; None: all that there are."""

    @property
    def is_admin(self) -> bool:
        """Whether it opens what changes the record."""
        return self.role == "admin"

    def shows(self, domain: str) -> bool:
        """Whether what belongs to a domain may be seen."""
        return self.domains is None or domain in self.domains
