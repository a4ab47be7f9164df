"""A receiver of one's own: every notice as JSON, signed by the Standard Webhooks rules (standardwebhooks.com).

`webhook-signature` is `v1,` and the base64 of an HMAC-SHA256 over `<webhook-id>.<webhook-timestamp>.<body>`. The time
is signed, so that a receiver can refuse what somebody kept and sends again; the id is the same when we repeat
ourselves.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import time
from collections.abc import Callable, Collection
from typing import Any, Final

import aiohttp
import msgspec

from plait.notifier.channels import Busy, Refused, Undelivered
from plait.notifier.channels.doors import check, undelivered
from plait.notifier.channels.waiting import seconds_to_wait
from plait.notifier.notice import Notice
from plait.notifier.routes import WebhookRoute

_PREFIX: Final = "whsec_"
_SHORTEST_KEY: Final = 16
_GOOD: Final = range(200, 300)
_BUSY: Final = (429, 503)
_PASSING: Final = (408, 425)
_NOT_OURS: Final = range(400, 500)


class WebhookChannel:
    """One receiver."""

    def __init__(
        self,
        route: WebhookRoute,
        session: aiohttp.ClientSession,
        named: Collection[str],
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`named`: hosts that the operator trusts.

        Raises:
            Refused: notices may not go to its address.
        """
        self._url = check(route.url, named)
        self._key = signing_key(route.secret)
        self._session = session
        self._clock = clock

    async def send(self, notice: Notice) -> None:
        """Post it; see `Channel`."""
        body = msgspec.json.encode(content(notice))
        headers = {"content-type": "application/json", **signature(self._key, notice.id, int(self._clock()), body)}
        try:
            async with self._session.post(self._url, data=body, headers=headers) as answer:
                _judge(answer)
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            raise undelivered(error) from error


def content(notice: Notice) -> dict[str, Any]:
    """The JSON value of a notice."""
    return {
        "type": f"plait.notice.{notice.kind}",
        "id": notice.id,
        "timestamp": notice.at.isoformat(),
        "domain": notice.domain,
        "title": notice.title,
        "text": notice.text,
        "link": notice.link.address if notice.link else None,
        "data": notice.facts,
    }


def signing_key(secret: str) -> bytes:
    """`whsec_` and base64, as generators of such secrets give it; else the text itself."""
    if secret.startswith(_PREFIX):
        try:
            return base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
        except binascii.Error:
            return secret.encode()
    return secret.encode()


def doubt_of(secret: str) -> str:
    """Why a secret may not be what its owner takes it for; empty: nothing seems odd."""
    if secret.startswith(_PREFIX) and signing_key(secret) == secret.encode():
        return f"what follows {_PREFIX} is no base64, so the key is the whole text"
    if len(signing_key(secret)) < _SHORTEST_KEY:
        return f"it is shorter than {_SHORTEST_KEY} bytes, and may be guessed"
    return ""


def signature(key: bytes, number: str, at: int, body: bytes) -> dict[str, str]:
    """The three fields that prove where a body comes from. `at`: unix seconds."""
    digest = hmac.digest(key, f"{number}.{at}.".encode() + body, hashlib.sha256)
    return {
        "webhook-id": number,
        "webhook-timestamp": str(at),
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }


def _judge(answer: aiohttp.ClientResponse) -> None:
    if answer.status in _GOOD:
        return
    if answer.status in _BUSY:
        raise Busy(seconds_to_wait(answer.headers.get("Retry-After")))
    if answer.status in _NOT_OURS and answer.status not in _PASSING:
        raise Refused(f"the receiver refuses it with {answer.status}")
    raise Undelivered(f"the answer was {answer.status}")
