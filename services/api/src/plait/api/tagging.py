"""Entity tags: who asks again for what has not changed is told so, and is sent nothing else (RFC 9110, 13.1.2)."""

from __future__ import annotations

import hashlib
import re
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_TAG: Final = re.compile(r'(?:W/)?("[^"]*")')
_JSON: Final = "application/json"
_WITH_NOT_MODIFIED: Final = (b"cache-control", b"etag", b"vary", b"x-request-id", b"x-content-type-options")
"""Header fields of an answer that stand in the one without its body too."""


class EntityTags:
    """Puts an `ETag` on good JSON answers to GET, and answers 304 to who has the same already.

    The tag is weak: it names the value, whatever encoding it is sent in. Files and streams pass untouched and at once.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the call on."""
        if scope["type"] != "http" or scope["method"] != "GET":
            await self._app(scope, receive, send)
            return
        held: Message | None = None

        async def tagged(message: Message) -> None:
            nonlocal held
            if message["type"] == "http.response.start" and _is_tagged(message):
                held = message
                return
            if held is not None:
                head, held = held, None
                message = _decided(head, message, Headers(scope=scope).get("if-none-match", ""))
                await send(head)
            await send(message)

        await self._app(scope, receive, tagged)


def _is_tagged(head: Message) -> bool:
    return head["status"] == 200 and Headers(raw=head["headers"]).get("content-type") == _JSON


def _decided(head: Message, body: Message, known: str) -> Message:
    """Put the tag on the head of an answer that comes in one piece; the body that belongs to it then."""
    if body.get("more_body"):
        return body
    name = hashlib.blake2b(body.get("body", b""), digest_size=16).hexdigest()
    MutableHeaders(raw=head["headers"])["ETag"] = f'W/"{name}"'
    if not _matches(known, f'"{name}"'):
        return body
    head["status"] = 304
    head["headers"] = [(field, value) for field, value in head["headers"] if field.lower() in _WITH_NOT_MODIFIED]
    return {"type": "http.response.body", "body": b""}


def _matches(known: str, tag: str) -> bool:
    """Weak comparison: `*` is any."""
    return known.strip() == "*" or tag in _TAG.findall(known)
