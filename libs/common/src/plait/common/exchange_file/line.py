"""One exchange a line: the form of the exchange file, and what files of others may leave out.

A body stands as JSON where it is JSON, else in base64. An event stream stands as its text; `pieces` says when each part
of it came. Files of others need a time and a request; everything else has a default.
"""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, datetime
from typing import Annotated, Any, Final
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, Raw, Struct, UnsetType

from plait.common.deep import deeply
from plait.common.errors import PlaitError
from plait.common.events import Fault, Header, Moment, Outcome

UNKNOWN_DOMAIN: Final = "imported"
"""Of a line that names neither a domain nor a host."""

_Milliseconds = Annotated[float, Meta(ge=0)]
_Count = Annotated[int, Meta(ge=0)]
_Status = Annotated[int, Meta(ge=100, le=999)]


_WHERE: Final = re.compile(r" - at `\$\.?(?P<field>.*)`$")
_MISSING: Final = re.compile(r"Object missing required field `(?P<field>.+)`$")


class BadLine(PlaitError):
    """A line that cannot be imported: `field: reason`, or the reason alone where the line is none at all."""

    def __init__(self, reason: str, field: str = "") -> None:
        super().__init__(f"{field}: {reason}" if field else reason)


class Request(Struct, frozen=True, kw_only=True, rename="camel"):
    """What was asked."""

    method: str = "POST"
    path: str = "/v1/messages"
    query: str = ""
    headers: list[Header] | dict[str, str] = []
    """Name and value of each field; secrets are masked."""
    body: Raw | UnsetType = UNSET
    body_base64: bytes | UnsetType = UNSET
    """As received, where it is no JSON."""
    size: _Count | UnsetType = UNSET
    """Bytes as received."""
    tag: str | UnsetType = UNSET
    key_name: str | UnsetType = UNSET
    client_address: str | UnsetType = UNSET


class Response(Struct, frozen=True, kw_only=True, rename="camel"):
    """How it was answered."""

    status: _Status | None = 200
    """Null when the client got none."""
    headers: list[Header] | dict[str, str] = []
    body: Raw | UnsetType = UNSET
    """Beside an event stream: the message, where what is left of the stream does not give it."""
    body_base64: bytes | UnsetType = UNSET
    """Without content encoding, where it is no JSON."""
    sse: str | UnsetType = UNSET
    sse_base64: bytes | UnsetType = UNSET
    """An event stream that is not UTF-8."""
    pieces: list[tuple[_Milliseconds, _Count]] | UnsetType = UNSET
    """When each part of the stream came, since `startedAt`, and its bytes."""
    outcome: Outcome | UnsetType = UNSET
    """linking.md's; left out: as the answer looks."""
    first_byte_ms: _Milliseconds | UnsetType | None = UNSET
    first_token_ms: _Milliseconds | UnsetType | None = UNSET
    duration_ms: _Milliseconds | UnsetType = UNSET
    streamed: bool | UnsetType = UNSET
    """Left out: whether there is an event stream."""
    size: _Count | UnsetType = UNSET
    error: Fault | UnsetType = UNSET

    @property
    def stream(self) -> bytes | None:
        """The event stream's bytes, None without one."""
        if isinstance(self.sse, str):
            return self.sse.encode()
        return self.sse_base64 if isinstance(self.sse_base64, bytes) else None


class Line(Struct, frozen=True, kw_only=True, rename="camel"):
    """One exchange."""

    id: UUID | UnsetType = UNSET
    """Left out: made of the line's time and contents, so that the same line always has the same."""
    domain: str | UnsetType = UNSET
    """Left out: the request's host."""
    account_id: str | None = None
    started_at: Moment
    request: Request
    response: Response | None = Response()
    """None: the exchange was still running. Left out: it was answered, and nothing is known of the answer."""


_LINE_ENDS: Final = ((b"\xc2\x85", b"\\u0085"), (b"\xe2\x80\xa8", b"\\u2028"), (b"\xe2\x80\xa9", b"\\u2029"))
"""Unicode's own, which JSON lets stand in its strings."""
_encoder: Final = msgspec.json.Encoder()
_decoder: Final = msgspec.json.Decoder(Line)


def encode(line: Line) -> bytes:
    """The line with its end, and no other character in it that any reader takes for one."""
    text = _encoder.encode(line)
    for character, escape in _LINE_ENDS:
        text = text.replace(character, escape)
    return text + b"\n"


def decode(text: bytes) -> Line:
    """The line of a text, with an id and a domain.

    Raises:
        BadLine: it is none; the message says what is wrong.
    """
    try:
        line = deeply(_decoder.decode, text)
    except msgspec.ValidationError as error:
        raise _refused(str(error)) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadLine(f"not JSON: {error}") from None
    except RecursionError:
        raise BadLine("nested too deep") from None
    number = line.id if isinstance(line.id, UUID) else _id_of(line.started_at, text)
    return msgspec.structs.replace(line, id=number, domain=_domain(line), started_at=line.started_at.astimezone(UTC))


def _refused(told: str) -> BadLine:
    """The decoder's words, its field before them as in `request.headers[0]`."""
    place = _WHERE.search(told)
    reason, field = told[: place.start()] if place else told, place["field"] if place else ""
    if missing := _MISSING.match(reason):
        return BadLine("is missing", ".".join(filter(None, (field, missing["field"]))))
    return BadLine(reason[:1].lower() + reason[1:], field)


def headers_of(part: Request | Response) -> list[Header]:
    """Header fields in their order, however they are written down."""
    return list(part.headers.items()) if isinstance(part.headers, dict) else part.headers


def _domain(line: Line) -> str:
    if isinstance(line.domain, str) and line.domain:
        return line.domain
    host = next((value for name, value in headers_of(line.request) if name.lower() == "host"), "")
    return host.lower().partition(":")[0] or UNKNOWN_DOMAIN


def _id_of(at: datetime, text: bytes) -> UUID:
    """A UUIDv7 (RFC 9562) of this moment whose random part is a hash of the line."""
    millis = int(at.timestamp() * 1000) & 0xFFFFFFFFFFFF
    value = millis << 80 | int.from_bytes(hashlib.sha256(text.strip()).digest()[:10], "big")
    value = value & ~(0xF << 76) | 0x7 << 76
    return UUID(int=value & ~(0x3 << 62) | 0x2 << 62)


def or_none(value: Any) -> Any:
    """The value, None where it was left out."""
    return None if value is UNSET else value
