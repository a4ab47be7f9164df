"""An exchange as its HTTP messages: heads and bodies as they were received, as far as they are kept. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from http import HTTPStatus
from typing import Final, Literal

from plait.common.events import Header
from plait.common.queries.whole import Answered, Asked, Recorded

Part = Literal["request", "response", "requestBody", "responseBody"]
Origin = Literal["as-received", "rewritten", "folded", "none"]
"""Of a body's bytes: those received; the same JSON value written anew; of an event stream that is no longer kept, the
message that it built; there are none."""
FIELDS: Final = ("Plait-Request-Body", "Plait-Response-Body")
"""Header fields that tell the origin of each body."""
_LINE_END: Final = b"\r\n"


def written(exchange: Recorded, part: Part | None) -> Iterator[bytes]:
    """The part of it that is wanted; without one the request, an empty line, and the response if there was one."""
    match part:
        case "request":
            yield from _request(exchange.asked)
        case "requestBody":
            yield exchange.asked.body
        case "response":
            yield from _response(exchange.answered)
        case "responseBody":
            yield from _answer_body(exchange.answered)
        case None:
            yield from _request(exchange.asked)
            yield _LINE_END * 2
            yield from _response(exchange.answered)


def origins(exchange: Recorded) -> dict[str, Origin]:
    """What the bytes of each body are, as header fields (`FIELDS`)."""
    return dict(zip(FIELDS, (_of_request(exchange.asked), _of_answer(exchange.answered)), strict=True))


def _of_request(asked: Asked) -> Origin:
    if not asked.body:
        return "none"
    return "as-received" if asked.body_is_as_received else "rewritten"


def _of_answer(answered: Answered | None) -> Origin:
    if answered is None or not (answered.pieces or answered.body):
        return "none"
    if answered.pieces:
        return "as-received"
    if answered.streamed:
        return "folded"
    return "as-received" if answered.body_is_as_received else "rewritten"


def _request(asked: Asked) -> Iterator[bytes]:
    target = f"{asked.path}?{asked.query}" if asked.query else asked.path
    yield from _head(f"{asked.method} {target} HTTP/1.1", asked.headers)
    yield asked.body


def _response(answered: Answered | None) -> Iterator[bytes]:
    if answered is not None and answered.status is not None:
        yield from _head(f"HTTP/1.1 {answered.status} {_phrase(answered.status)}".rstrip(), answered.headers)
    yield from _answer_body(answered)


def _answer_body(answered: Answered | None) -> Iterator[bytes]:
    if answered is None:
        return
    if answered.pieces:
        yield from (piece.data for piece in answered.pieces)
    else:
        yield answered.body


def _head(line: str, headers: Iterable[Header]) -> Iterator[bytes]:
    yield _octets(line) + _LINE_END
    for name, value in headers:
        yield _octets(f"{name}: {value}") + _LINE_END
    yield _LINE_END


def _octets(text: str) -> bytes:
    """Header fields are octets, told as latin-1; an imported one can hold other characters."""
    return text.encode("latin-1", "replace")


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""
