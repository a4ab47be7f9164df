"""Calls from web pages (CORS): allowed for listed origins only. For all others nothing is added and nothing taken."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from plait.gateway.relay.call import Call, Message, Send
from plait.gateway.relay.fields import REQUEST_ID, Fields, value_of

_ALLOWS: Final = b"access-control-"
_METHODS: Final = b"GET, HEAD, POST, PUT, PATCH, DELETE"
_MAX_AGE_SECONDS: Final = b"600"
_EXPOSED: Final = b"*"


class Cors:
    """The origins whose pages may call, from `CORS_ORIGINS`."""

    def __init__(self, origins: Iterable[str] = ()) -> None:
        self._origins = frozenset(origin.strip().lower().encode("ascii") for origin in origins if origin.strip())

    def origin(self, call: Call) -> bytes | None:
        """The listed origin that a request comes from, None where there is none."""
        if not self._origins:
            return None
        origin = value_of(call.fields, b"origin")
        return origin if origin is not None and origin.lower() in self._origins else None

    @staticmethod
    def is_preflight(call: Call) -> bool:
        """Whether a browser asks if it may send a request."""
        return call.method == "OPTIONS" and value_of(call.fields, b"access-control-request-method") is not None

    @staticmethod
    async def allow(call: Call, origin: bytes, exchange_id: str, send: Send) -> None:
        """Answer a preflight: whatever the page wants to send, its key decides about."""
        fields: Fields = [
            (b"access-control-allow-origin", origin),
            (b"access-control-allow-methods", _METHODS),
            (b"access-control-max-age", _MAX_AGE_SECONDS),
            (b"vary", b"Origin, Access-Control-Request-Headers"),
            (REQUEST_ID, exchange_id.encode()),
        ]
        asked = value_of(call.fields, b"access-control-request-headers")
        if asked is not None:
            fields.append((b"access-control-allow-headers", asked))
        await send({"type": "http.response.start", "status": 204, "headers": fields})
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    @staticmethod
    def sending(origin: bytes, send: Send) -> Send:
        """`send`, with the fields that let a page of this origin read the answer, in the place of Claude's own."""

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                kept = [field for field in message["headers"] if not field[0].lower().startswith(_ALLOWS)]
                ours = [
                    (b"access-control-allow-origin", origin),
                    (b"access-control-expose-headers", _EXPOSED),
                    (b"vary", b"Origin"),
                ]
                message = {**message, "headers": [*kept, *ours]}
            await send(message)

        return sending
