"""The demo's own Slack, and its own receiver of webhooks: where its notices go instead of to anybody."""

from __future__ import annotations

import asyncio
import os
import secrets
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from rich.panel import Panel
from rich.text import Text

from plait.cli.terminal import Console
from plait.fakes.receiver import WebhookReceiver
from plait.fakes.slack import ScriptedSlack

_QUIET_S: Final = 1.0
_LONGEST_S: Final = 30.0
_POLL_S: Final = 0.1
_LINES: Final = 8
_HOST: Final = "127.0.0.1"
_USERS_OWN: Final = ("SLACK_CHANNEL", "SLACK_MUTE", "SLACK_ENABLED", "NOTIFY", "NOTIFY_MAX_AGE", "DASHBOARD_URL")


@dataclass(frozen=True)
class Receivers:
    """What took the demo's notices."""

    slack: ScriptedSlack
    webhook: WebhookReceiver

    async def settled(self) -> None:
        """Until nothing has come for a second and both have all notices, or for half a minute."""
        began = changed = time.monotonic()
        seen = -1
        while (now := time.monotonic()) < began + _LONGEST_S and not (now >= changed + _QUIET_S and self._agree):
            if (count := len(self.slack.calls) + len(self.webhook.calls)) != seen:
                seen, changed = count, time.monotonic()
            await asyncio.sleep(_POLL_S)

    @property
    def _agree(self) -> bool:
        return len(self.slack.messages) == len(self.webhook.received)

    def show(self, console: Console) -> None:
        """How many notices there were, by kind, and what one of them looks like."""
        received, messages = self.webhook.received, self.slack.messages
        kinds = Counter(str(one["type"]).rpartition(".")[2] for one in received)
        told = ", ".join(_counted(count, kind) for kind, count in kinds.most_common()) or "none"
        console.print(
            f"\nNotices: {len(messages)} in the demo's own Slack, {len(received)} at its webhook ({told})",
            highlight=False,
            markup=False,
        )
        if turn := next((one["text"] for one in messages if "\n    :wrench:" in one["text"]), None):
            console.print(Panel(Text(_shortened(turn)), title="one of them, as Slack gets it", width=console.width))


def _counted(count: int, kind: str) -> str:
    many = kind.replace("analysis", "analyse") + "s"
    return f"{count} {kind if count == 1 else many}"


def _shortened(text: str) -> str:
    lines = text.splitlines()
    return "\n".join(lines if len(lines) <= _LINES else [*lines[: _LINES - 2], "…", lines[-2]])


@asynccontextmanager
async def receivers() -> AsyncIterator[Receivers]:
    """Receivers that every part started from now on takes for the user's."""
    secret = secrets.token_hex(16)
    async with ScriptedSlack() as slack, WebhookReceiver(secret) as webhook:
        for name in _USERS_OWN:
            os.environ.pop(name, None)
        os.environ |= {
            "SLACK_WEBHOOK_URL": slack.webhook,
            "WEBHOOK_URL": webhook.url,
            "WEBHOOK_SECRET": secret,
            "WEBHOOK_ALLOWED_HOSTS": _HOST,
        }
        yield Receivers(slack, webhook)
