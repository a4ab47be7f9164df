"""What a scripted Claude may answer: whole or in pieces, with waits, errors, cuts and odd chunking."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from plait.fakes.http1 import Header, encode_head

End = Literal["complete", "cut", "reset", "hold"]
"""How an answer ends: as it should, socket closed inside the body, reset, or silence until the client leaves."""

JSON: Final[Header] = ("content-type", "application/json")
EVENT_STREAM: Final[Header] = ("content-type", "text/event-stream; charset=utf-8")

ERROR_TYPES: Final = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    500: "api_error",
    504: "timeout_error",
    529: "overloaded_error",
}
"""Anthropic's error types by status, as its API reference lists them."""


@dataclass(frozen=True)
class Piece:
    """Bytes that are written at once, after `wait` seconds and after `gate` was set."""

    data: bytes
    wait: float = 0.0
    gate: asyncio.Event | None = None


@dataclass(frozen=True)
class Answer:
    """An answer and the manner of giving it. `head_wait`: seconds of silence before the status line."""

    status: int = 200
    headers: tuple[Header, ...] = (JSON,)
    pieces: tuple[Piece, ...] = ()
    end: End = "complete"
    chunked: bool = False
    head_wait: float = 0.0

    @property
    def body(self) -> bytes:
        """The body without framing."""
        return b"".join(piece.data for piece in self.pieces)

    def head(self) -> bytes:
        """Status line and header lines; the framing's own line comes last."""
        framing = ("transfer-encoding", "chunked") if self.chunked else ("content-length", str(len(self.body)))
        bodiless = self.status in (204, 304)
        return encode_head(f"HTTP/1.1 {self.status} Scripted", [*self.headers, *([] if bodiless else [framing])])

    def cut_every(self, size: int, wait: float = 0.0) -> Answer:
        """The same bytes in pieces of `size`, wherever that cuts events and characters, `wait` seconds apart."""
        body = self.body
        starts = range(0, len(body), size)
        return replace(self, pieces=tuple(Piece(body[at : at + size], wait if at else 0.0) for at in starts))

    def ending(self, end: End, after: int | None = None) -> Answer:
        """The same answer ended otherwise, after `after` of its pieces (all of them by default).

        It comes in chunks then, so that its client can tell an end from a cut.
        """
        kept = self.pieces if after is None else self.pieces[:after]
        return replace(self, pieces=kept, end=end, chunked=True)

    def gated(self, gate: asyncio.Event, at: int) -> Answer:
        """The same answer, silent before piece number `at` until `gate` is set."""
        pieces = list(self.pieces)
        pieces[at] = replace(pieces[at], gate=gate)
        return replace(self, pieces=tuple(pieces))


def json_answer(value: Any, status: int = 200, headers: tuple[Header, ...] = ()) -> Answer:
    """A JSON body in one piece."""
    return Answer(status, (JSON, *headers), (Piece(dump(value)),))


def raw_answer(body: bytes, content_type: str, status: int = 200, headers: tuple[Header, ...] = ()) -> Answer:
    """Any bytes in one piece."""
    return Answer(status, (("content-type", content_type), *headers), (Piece(body),))


def error_answer(status: int, message: str, *, kind: str | None = None, headers: tuple[Header, ...] = ()) -> Answer:
    """A refusal in Anthropic's shape; its type follows from the status unless `kind` names another."""
    return json_answer(error_value(kind or ERROR_TYPES.get(status, "api_error"), message), status, headers)


def error_value(kind: str, message: str) -> dict[str, Any]:
    """Anthropic's error object."""
    return {
        "type": "error",
        "error": {"type": kind, "message": message},
        "request_id": "req_01ScriptedScriptedScript",
    }


def stream_answer(events: list[bytes], *, wait: float = 0.0, headers: tuple[Header, ...] = ()) -> Answer:
    """An event stream, a piece per event, `wait` seconds apart."""
    pieces = tuple(Piece(event, wait if index else 0.0) for index, event in enumerate(events))
    return Answer(200, (EVENT_STREAM, ("cache-control", "no-cache"), *headers), pieces, chunked=True)


def dump(value: Any) -> bytes:
    """JSON as clients and Claude write it: no spaces, characters as they are."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
