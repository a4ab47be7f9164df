"""Slack's incoming webhooks, by Slack's own client."""

from __future__ import annotations

import logging
from collections.abc import Collection
from typing import Final
from urllib.parse import urlsplit

import aiohttp
from slack_sdk.webhook.async_client import AsyncWebhookClient
from slack_sdk.webhook.webhook_response import WebhookResponse

from plait.notifier.channels import Busy, Refused, Undelivered
from plait.notifier.channels.blocks import message
from plait.notifier.channels.doors import check, undelivered
from plait.notifier.channels.waiting import seconds_to_wait
from plait.notifier.notice import Notice
from plait.notifier.routes import SlackRoute

_OK: Final = 200
_TOO_MANY: Final = 429
_NOT_OURS: Final = range(400, 500)
_TIMED_OUT: Final = 408

_quiet = logging.getLogger("plait.notifier.slack_sdk")
_quiet.setLevel(logging.CRITICAL)
"""Slack's client logs addresses and messages when it debugs: it says nothing of them here."""


class SlackChannel:
    """One incoming webhook."""

    def __init__(self, route: SlackRoute, session: aiohttp.ClientSession, named: Collection[str]) -> None:
        """`named`: hosts that the operator trusts.

        Raises:
            Refused: notices may not go to its address.
        """
        self._route = route
        check(route.webhook_url, named)
        self._client = AsyncWebhookClient(route.webhook_url, session=session, retry_handlers=[], logger=_quiet)
        if urlsplit(route.webhook_url).hostname in named:
            self._client.proxy = None  # what the operator names himself is reached as it is named

    async def send(self, notice: Notice) -> None:
        """Post it; see `Channel`."""
        look = {
            "channel": self._route.channel,
            "username": self._route.username,
            "icon_emoji": self._route.icon_emoji,
        }
        body = message(notice) | {name: value for name, value in look.items() if value}
        try:
            answer = await self._client.send_dict(body)
        except (TimeoutError, aiohttp.ClientError, OSError, ValueError, LookupError) as error:  # or no text that is one
            raise undelivered(error) from error
        _judge(answer)


def _judge(answer: WebhookResponse) -> None:
    """Slack says `ok`; anything else under 200 came from somebody in between."""
    if answer.status_code == _OK and answer.body.strip() == "ok":
        return
    if answer.status_code == _TOO_MANY:
        raise Busy(seconds_to_wait(answer.headers.get("Retry-After")))
    if answer.status_code in _NOT_OURS and answer.status_code != _TIMED_OUT:
        raise Refused(f"Slack refuses it with {answer.status_code}")
    raise Undelivered(f"the answer was {answer.status_code}, and not Slack's `ok`")
