"""A notice: what is told, in parts that each way out puts into its own form."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from msgspec import Struct

from plait.notifier.settings import Kind


class Link(Struct, frozen=True):
    """Where to read more."""

    label: str
    address: str


class Notice(Struct, frozen=True, kw_only=True):
    """What is told. Its texts are plain: no markup of any service is in them but codes of emoji."""

    id: str
    """The same each time that it is sent."""
    kind: Kind | Literal["trial"]
    domain: str
    at: datetime
    """When it happened."""
    title: str
    """In one line: what notifications of a phone show."""
    sections: tuple[str, ...] = ()
    """Paragraphs, one below the other."""
    footer: tuple[str, ...] = ()
    link: Link | None = None
    facts: dict[str, Any] = {}
    """The same for programs, as JSON values."""

    @property
    def text(self) -> str:
        """All of it as plain text."""
        footer = " · ".join(self.footer)
        link = f"{self.link.label}: {self.link.address}" if self.link else ""
        return "\n".join(filter(None, [*(self.sections or (self.title,)), footer, link]))
