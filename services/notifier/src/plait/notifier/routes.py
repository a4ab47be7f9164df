"""Where notices of a domain go."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from plait.common.access.domains import less_specific
from plait.notifier.directory import Slack, Table
from plait.notifier.settings import ChannelSettings

SLACK: Final = "slack"
WEBHOOK: Final = "webhook"
_PERSONAL: Final = "personal"


class SlackRoute(Struct, frozen=True):
    """One of Slack's incoming webhooks, and how its messages look. The address is a secret."""

    webhook_url: str
    channel: str | None
    username: str | None
    icon_emoji: str | None


class WebhookRoute(Struct, frozen=True):
    """A receiver of signed JSON."""

    url: str
    secret: str


Route = SlackRoute | WebhookRoute


class Routes:
    """By the settings and the credential files of one moment."""

    def __init__(self, settings: ChannelSettings, table: Table) -> None:
        self._settings = settings
        self._table = table

    def of(self, domain: str) -> dict[str, Route]:
        """By lane: a name of the way that tells nothing secret. None if the domain is muted."""
        if self.is_muted(domain):
            return {}
        found: dict[str, Route] = {}
        slack = self._slack(domain)
        if slack:
            found[slack[0]] = slack[1]
        url, secret = self._settings.webhook_url, self._settings.webhook_secret
        if url and secret:
            found[WEBHOOK] = WebhookRoute(url.get_secret_value(), secret.get_secret_value())
        return found

    def is_muted(self, domain: str) -> bool:
        """Whether nobody is told anything of a domain."""
        if _named(domain, self._settings.muted):
            return True
        entry = self._table.find(domain)
        asked_for = bool(entry and entry.slack and entry.slack.enabled) or _named(domain, self._settings.unmuted)
        return _PERSONAL in domain and not asked_for

    def _slack(self, domain: str) -> tuple[str, SlackRoute] | None:
        entry = self._table.find(domain)
        own = (entry.slack if entry else None) or Slack()
        given = self._settings.slack_webhook_url
        url = own.webhook_url or (given.get_secret_value() if given else None)
        if not url or not self._settings.slack_enabled or own.enabled is False:
            return None
        lane = f"{SLACK} {entry.name}" if entry and own.webhook_url else SLACK
        settings = self._settings
        return lane, SlackRoute(
            url,
            own.channel or settings.slack_channel,
            own.username or settings.slack_username,
            own.icon_emoji or settings.slack_icon_emoji,
        )


def _named(domain: str, names: Sequence[str]) -> bool:
    return any(name in names for name in (domain, *less_specific(domain)))
