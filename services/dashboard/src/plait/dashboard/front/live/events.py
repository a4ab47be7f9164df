"""Server-sent events as the read API writes them (docs/live.md): cut out of its stream, and judged for a reader."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from uuid import UUID

import msgspec
from msgspec import Struct

_END: Final = b"\n\n"
_LONGEST: Final = 1 << 20
"""Bytes of an event. The API's have some hundred; a stream without an end of event is none of its."""


class About(Struct, frozen=True, rename="camel"):
    """What of an event decides who hears of it."""

    domain: str | None = None
    """None: it concerns everybody, as `ready` and `reset` do."""
    conversation_id: UUID | None = None
    request_id: UUID | None = None
    moved_from: list[UUID] = []


@dataclass(frozen=True)
class Event:
    """One event."""

    name: str
    about: About
    frame: bytes
    """As it is sent on: without its id, which is the place in a stream that is not the reader's."""


@dataclass(frozen=True)
class Interest:
    """What a reader may hear, and wants to."""

    domains: frozenset[str] | None = None
    """None: all."""
    names: frozenset[str] | None = None
    """None: every event."""
    conversation: UUID | None = None
    request: UUID | None = None

    def covers(self, event: Event) -> bool:
        """Whether the reader is told."""
        about = event.about
        if about.domain is None:
            return True
        if self.domains is not None and about.domain not in self.domains:
            return False
        if self.names is not None and event.name not in self.names:
            return False
        if self.request not in (None, about.request_id):
            return False
        return self.conversation in (None, about.conversation_id, *about.moved_from)


class Cutter:
    """Takes a stream apart, whatever pieces it comes in."""

    def __init__(self, last_id: str = "") -> None:
        self._rest = b""
        self.last_id = last_id
        """The id of the last event, with which the stream can be gone on with."""

    def take(self, piece: bytes) -> list[Event]:
        """The events that are whole now.

        Raises:
            ValueError: this is no stream of events.
        """
        *whole, self._rest = (self._rest + piece).split(_END)
        if len(self._rest) > _LONGEST:
            raise ValueError("an event without end")
        return [event for text in whole if (event := self._read(text))]

    def _read(self, text: bytes) -> Event | None:
        fields = dict(line.split(b": ", 1) for line in text.split(b"\n") if b": " in line and line[:1] != b":")
        if b"id" in fields:
            self.last_id = fields[b"id"].decode()
        if b"event" not in fields or b"data" not in fields:
            return None
        name, data = fields[b"event"].decode(), fields[b"data"]
        return Event(name, msgspec.json.decode(data, type=About), framed(name, data))


def framed(name: str, data: bytes) -> bytes:
    """One event, ready to be sent; `data` is JSON, which has no line end."""
    return b"event: %b\ndata: %b\n\n" % (name.encode(), data)
