"""What makers of notices share."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlencode
from uuid import UUID

from plait.common.errors import PlaitError
from plait.common.redaction import SECRETS, Redactor
from plait.notifier.notice import Link
from plait.notifier.settings import Settings
from plait.notifier.wording import CUT

_MOST_LOOKED_AT: Final = 32_000
"""Characters: ten times what is shown, so that a whole key can stand at its end."""


class NotYet(PlaitError):
    """The record does not have it yet: ask again in a while."""


class Desk:
    """Links and masks, as the settings want them."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._redactor = Redactor(SECRETS if settings.notify_redact else ())
        self._dashboard = settings.dashboard_url.rstrip("/")

    def masked(self, text: str) -> str:
        """What somebody said, without keys and tokens, unless the operator wants them told.

        Of long texts only as much is looked through, and given back, as a notice may need.
        """
        masked = self._redactor.text(text[:_MOST_LOOKED_AT])
        return masked if len(text) <= _MOST_LOOKED_AT else f"{masked}\n{CUT}"

    def conversation(self, number: UUID | None) -> Link | None:
        """Where the dashboard shows it."""
        return Link("Open the conversation", f"{self._dashboard}/conversation?id={number}") if number else None

    def analysis(self, number: UUID, branch: str) -> Link:
        """Where the dashboard shows the analysis of a branch."""
        query = urlencode({"id": number, "branch": branch, "view": "analysis"})
        return Link("Open the analysis", f"{self._dashboard}/conversation?{query}")

    def request(self, number: UUID) -> Link:
        """Where the dashboard shows it."""
        return Link("Open the request", f"{self._dashboard}/request?id={number}")

    def page(self, label: str, path: str) -> Link:
        """A page of the dashboard."""
        return Link(label, f"{self._dashboard}/{path}")
