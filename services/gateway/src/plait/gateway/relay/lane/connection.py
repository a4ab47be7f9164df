"""Connections to Claude: kept open, the one used last taken first, an answer's bytes given on as they come."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, Protocol, cast

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from plait.gateway.relay.lane.answers import AnswerHead, Framing, read_answer

if TYPE_CHECKING:
    from plait.gateway.relay.lane.pool import Pool

_MOST_HEAD: Final = 1 << 20
_AT_ONCE: Final = 16 * 1024
"""Bytes up to which copying a body costs less than a second buffer."""
_ANSWERS: Final = range(200, 600)
_INTERIM: Final = frozenset(range(100, 200)) - {101}
_NO_ANSWER: Final = "closed the connection without an answer"
_NO_HTTP: Final = "gave an answer that is no HTTP"


class Asker(Protocol):
    """Who waits for an answer. Once it has been told that the answer is whole or broke off, it is told no more."""

    def heard(self, head: AnswerHead | None, data: bytes, *, whole: bool) -> None:
        """What came of the answer at once: its head if that was still missing, bytes of the body, and its end."""

    def drained(self) -> None:
        """The connection takes more of the request, where it `is_full`."""

    def broke(self, why: str) -> None:
        """There will be no more of the answer, or none at all; `why` says what Claude did."""


class Connection(asyncio.Protocol):
    """One connection, with at most one request on it."""

    transport: asyncio.Transport

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._asker: Asker | None = None
        self._bodies: list[bytes] = []
        self.on_body = self._bodies.append
        self._parser = HttpResponseParser(self)
        self._held = b""
        self.is_full = False
        """Whether so much of a request waits to be taken by Claude that no more should be sent."""
        self._reset()

    def _reset(self) -> None:
        self._head: AnswerHead | None = None
        self._accepted = self._told = False
        self._whole_at: int | None = None
        self._reusable = False
        self.awaits_more = False
        """Whether more of the request is to be sent."""

    def ask(self, asker: Asker, head: bytes, body: bytes) -> None:
        """Send a request, whole unless the connection `awaits_more`; the asker hears of its answer."""
        if self.transport.is_closing():  # Claude may leave between the handshake and the turn of who waited for it
            asker.broke(_NO_ANSWER)
            return
        self._asker = asker
        if len(body) <= _AT_ONCE:
            self.transport.write(head + body)
        else:
            self.transport.writelines((head, body))

    def send(self, data: bytes, *, last: bool) -> None:
        """More of the request's body."""
        self.awaits_more = not last
        if not self.transport.is_closing():
            self.transport.write(data)

    def abandon(self) -> None:
        """Close at once: nobody waits for the answer any more."""
        self._asker = None
        self.transport.abort()

    def pause(self) -> None:
        """Read nothing until `resume`: the client takes no more."""
        self.transport.pause_reading()

    def resume(self) -> None:
        """Read on."""
        self.transport.resume_reading()

    @property
    def is_usable(self) -> bool:
        """Whether another request can go out on it."""
        return self._asker is None and not self.transport.is_closing()

    # What asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It is open."""
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Bytes from Claude."""
        asker = self._asker
        if asker is None:
            self.transport.close()  # nobody asked
            return
        if self._head is None:
            rest = self._past_interim(self._held + data)
            if rest is None:
                return
            data = rest
        try:
            self._parser.feed_data(data)
            fault = ""
        except (HttpParserError, HttpParserUpgrade) as error:
            fault = str(error) or type(error).__name__
        self._deliver(asker, fault)

    def connection_lost(self, exc: Exception | None) -> None:
        """It is closed, by either side."""
        asker, self._asker = self._asker, None
        if asker is None:
            return
        if exc is None and self._head is not None and self._head.framing is Framing.CLOSE:
            asker.heard(None, b"", whole=True)
        else:
            asker.broke(_NO_ANSWER if self._head is None else "cut the answer")

    def pause_writing(self) -> None:
        """Claude is slower than the client."""
        self.is_full = True

    def resume_writing(self) -> None:
        """Claude has caught up."""
        self.is_full = False
        if self._asker is not None:
            self._asker.drained()

    # What llhttp calls.

    def on_message_begin(self) -> None:
        """An answer begins; a second one has not been asked for."""
        if self._whole_at is not None:
            self._reusable = False

    def on_headers_complete(self) -> None:
        """The head is good."""
        self._accepted = True

    def on_message_complete(self) -> None:
        """The answer is whole; what comes behind it is nobody's."""
        if self._whole_at is None:
            self._whole_at = len(self._bodies)
            self._reusable = self._parser.should_keep_alive()

    def _past_interim(self, data: bytes) -> bytes | None:
        """The bytes from the answer's head on, interim answers (1xx) cut off; None: it is not whole, or is none."""
        while True:
            end = data.find(b"\r\n\r\n") + 4
            if end < 4 and len(data) <= _MOST_HEAD:
                self._held = data
                return None
            self._held = b""
            head = read_answer(data[:end])
            if head is None:
                self._fail(_NO_HTTP)
                return None
            if head.status in _ANSWERS:
                self._head = head
                return data
            if head.status not in _INTERIM:
                self._fail(f"answered with status {head.status}, which is no answer")
                return None
            data = data[end:]

    def _deliver(self, asker: Asker, fault: str) -> None:
        """Give on what llhttp has found; a fault behind the end of the answer is no fault of the answer."""
        bodies, whole_at = self._bodies, self._whole_at
        data = b"".join(bodies[:whole_at])
        bodies.clear()
        head = None
        if self._accepted and not self._told:
            self._told, head = True, self._head
        if whole_at is not None:
            self._asker = None
            self._pool.give(self, reusable=self._reusable and not fault and not self.awaits_more)
            self._reset()
            asker.heard(head, data, whole=True)
            return
        if data or head is not None:
            asker.heard(head, data, whole=False)
        if fault:
            self._fail("cut the answer" if self._told else _NO_HTTP)

    def _fail(self, why: str) -> None:
        asker, self._asker = self._asker, None
        self.transport.abort()
        if asker is not None:
            asker.broke(why)
