"""One connection to a server, carrying one HTTP/1.1 exchange after the other. llhttp decides where an answer ends."""

from __future__ import annotations

import asyncio
from typing import Final, cast

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from plait.common.errors import PlaitError
from plait.gateway.relay.fields import Fields, value_of

_MOST_HEAD: Final = 1 << 20
_MOST_HELD: Final = 256 * 1024
"""Bytes of an answer that wait for a slow reader; beyond them nothing is read from the socket."""
_AT_ONCE: Final = 64 * 1024
_INTERIM: Final = range(100, 200)
_SWITCHED: Final = 101
_NO_ANSWER: Final = "it closed the connection without an answer"


class Broke(PlaitError):
    """The connection ended before the answer did, or what came is no HTTP."""


class Connection(asyncio.Protocol):
    """Hands out an answer's head, then its pieces as they come. Not for more than one exchange at a time."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._lost = False
        self._begin(bodiless=False)
        self._ended = True

    def _begin(self, *, bodiless: bool) -> None:
        self._parser = HttpResponseParser(self)
        self._bodiless = bodiless
        self._heard = 0
        self._in_body = False
        self._pieces: list[bytes] = []
        self._held = 0
        self._ended = False
        self._until_close = False
        self._keep = False
        self._trouble = ""
        self.status = 0
        self.reason = b""
        """What stands behind the status."""
        self.fields: Fields = []
        """Of the answer, as received."""

    # What an exchange does.

    def send(self, head: bytes, body: bytes, *, bodiless: bool) -> None:
        """Send a request; `bodiless`: its answer has a head only (HEAD). What the socket does not take waits here.

        Raises:
            Broke: the server has left.
        """
        if self.closed:
            raise Broke(_NO_ANSWER)
        self._begin(bodiless=bodiless)
        transport = self._open_transport()
        if len(body) <= _AT_ONCE:
            transport.write(head + body)
        else:
            transport.write(head)
            transport.write(body)

    async def head(self) -> None:
        """Returns when `status` and `fields` are those of the answer.

        Raises:
            Broke: none came.
        """
        while not self._in_body:
            if self._trouble or self._lost:
                raise Broke(self._trouble or _NO_ANSWER)
            await self._wait()

    async def piece(self) -> bytes:
        """The next bytes of the body, empty at its clean end.

        Raises:
            Broke: it ended otherwise; all that came before was handed out.
        """
        while not self._pieces:
            if self._ended:
                return b""
            if self._trouble or self._lost:
                raise Broke(self._trouble or "it cut the answer")
            await self._wait()
        data = self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)
        if self._held > _MOST_HELD and not self.closed:
            self._open_transport().resume_reading()
        self._pieces.clear()
        self._held = 0
        return data

    @property
    def reusable(self) -> bool:
        """Whether another exchange may follow: this one is over, both ways, and the server stays."""
        over = self._ended and self._keep and not self._pieces and not self._trouble
        return over and not self.closed and not self._open_transport().get_write_buffer_size()

    @property
    def closed(self) -> bool:
        """Whether nothing can be sent any more."""
        return self._lost or self._transport is None or self._transport.is_closing()

    def close(self) -> None:
        """Close at once, whatever is still to come."""
        if self._transport is not None:
            self._transport.abort()

    async def _wait(self) -> None:
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _open_transport(self) -> asyncio.Transport:
        assert self._transport is not None
        return self._transport

    # What the socket tells.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Connected."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Bytes of an answer; bytes that nobody asked for end the connection."""
        if self._ended:
            self.close()
            return
        self._heard += len(data)
        try:
            self._parser.feed_data(data)
        except HttpParserUpgrade:
            self._fail("it speaks another protocol")
        except HttpParserError:
            if not self._ended:
                self._fail("its answer is no HTTP")
            self._keep = False
        if not self._in_body and self._heard > _MOST_HEAD:
            self._fail(f"the head of its answer is larger than {_MOST_HEAD} bytes")
        if self._held > _MOST_HELD and not self.closed:
            self._open_transport().pause_reading()
        self._wake()

    def connection_lost(self, error: Exception | None) -> None:
        """Closed, by whichever side."""
        self._lost = True
        if self._until_close and error is None and not self._trouble:
            self._ended = True
        self._wake()

    def _fail(self, trouble: str) -> None:
        self._trouble = self._trouble or trouble
        self.close()

    # What llhttp tells.

    def on_message_begin(self) -> None:
        """A head begins. One after the answer's end was not asked for."""
        if self._ended:
            self._keep = False

    def on_status(self, reason: bytes) -> None:
        """What stands behind a status, or a part of it."""
        if not self._in_body:
            self.reason += reason

    def on_header(self, name: bytes, value: bytes) -> None:
        """A field of the head; trailers are not passed on."""
        if not self._in_body:
            self.fields.append((name, value.rstrip(b" \t")))

    def on_headers_complete(self) -> None:
        """The head is whole."""
        status = self._parser.get_status_code()
        if self._ended or (status in _INTERIM and status != _SWITCHED):
            return
        self.status, self._in_body = status, True
        self._keep = self._parser.should_keep_alive()
        codings = b",".join(value for name, value in self.fields if name.lower() == b"transfer-encoding")
        chunked = codings.rstrip(b", ").lower().endswith(b"chunked")
        self._until_close = not chunked and value_of(self.fields, b"content-length") is None
        if self._bodiless:
            self._ended = True

    def on_body(self, data: bytes) -> None:
        """Bytes of the body."""
        if not self._ended:
            self._pieces.append(data)
            self._held += len(data)

    def on_message_complete(self) -> None:
        """The end of the answer, or of what came before it (1xx)."""
        if self._in_body:
            self._ended = True
        else:
            self.fields, self.reason = [], b""
