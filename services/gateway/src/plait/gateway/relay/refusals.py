"""What the gateway itself answers when it cannot relay: Anthropic's error shape, so that clients understand it."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from plait.common.errors import PlaitError
from plait.gateway.metrics import REFUSALS
from plait.gateway.relay.fields import REQUEST_ID, Fields


@dataclass
class Refusal(PlaitError):
    """The gateway answers in Claude's place."""

    status: int
    type: str
    message: str
    reason: str
    """Under which it is counted."""
    fields: tuple[tuple[bytes, bytes], ...] = ()
    """Header fields beside those that every refusal has."""

    def __post_init__(self) -> None:
        super().__init__(self.message)

    def answer(self, request_id: str, *, close: bool = False) -> tuple[Fields, bytes]:
        """Header fields and body, asked for once; `close` where the rest of the request is not going to be read."""
        REFUSALS.add(self.reason)
        shape = {
            "type": "error",
            "error": {"type": self.type, "message": self.message},
            "request_id": request_id,
        }
        body = msgspec.json.encode(shape)
        fields = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
            (REQUEST_ID, request_id.encode()),
            *self.fields,
        ]
        return [*fields, (b"connection", b"close")] if close else fields, body


def bad_host() -> Refusal:
    """No domain can be read off the request."""
    return Refusal(400, "invalid_request_error", "The Host header is missing or malformed.", "bad_host")


def doubled_credential() -> Refusal:
    """Nobody can tell which was meant."""
    message = "The Authorization or x-api-key header came more than once."
    return Refusal(400, "invalid_request_error", message, "doubled_credential")


def too_large(limit: int) -> Refusal:
    """The body is over the limit."""
    return Refusal(413, "request_too_large", f"The request body is larger than {limit} bytes.", "too_large")


def slow_body(seconds: float) -> Refusal:
    """The rest of the body did not come."""
    message = f"Nothing more of the request body came for {seconds:g} s."
    return Refusal(408, "timeout_error", message, "slow_body")


def head_too_large(limit: int) -> Refusal:
    """Request line and fields are over the limit."""
    message = f"Request line and headers are larger than {limit} bytes."
    return Refusal(431, "invalid_request_error", message, "head_too_large")


def broken_http(why: str) -> Refusal:
    """What came is no HTTP."""
    return Refusal(400, "invalid_request_error", why, "broken_http")


def unknown_path(path: str) -> Refusal:
    """Neither Claude's nor ours."""
    message = f"Nothing is served at {path}. Claude's API is under /v1/."
    return Refusal(404, "not_found_error", message, "unknown_path")


def unreachable(who: str, why: str) -> Refusal:
    """No answer, because there is no connection."""
    return Refusal(502, "api_error", f"{who} cannot be reached: {why}.", "unreachable")


def too_slow(who: str, why: str) -> Refusal:
    """No answer in time."""
    return Refusal(504, "timeout_error", f"{who} did not answer in time: {why}.", "too_slow")
