"""The lane as a whole: what every plain request on it shares."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine
from typing import Final

import structlog
from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser

from plait.common.ids import raw_exchange_id
from plait.common.masking import Masker
from plait.gateway.access.access import Access, Admission
from plait.gateway.access_log import AccessLog
from plait.gateway.relay.call import ClientGone
from plait.gateway.relay.capture import Capture
from plait.gateway.relay.dialing import Dialer
from plait.gateway.relay.identity import as_admitted
from plait.gateway.relay.lane.exchange import Client, Exchange
from plait.gateway.relay.lane.plain import PlainRequest, read_request
from plait.gateway.relay.lane.pool import Pool
from plait.gateway.relay.lane.turn import Spool, Turn
from plait.gateway.relay.lane.upload import LongExchange, Upload
from plait.gateway.relay.refusals import Refusal
from plait.gateway.relay.upstream import Times
from plait.gateway.spool.records import Ending

_MOST_TICK: Final = 1.0
"""Seconds between looks at who has been silent for too long; with short limits it is a quarter of them."""
_log = structlog.get_logger(__name__)


class Lane:
    """Takes plain requests off client connections. To be made inside the running loop."""

    def __init__(
        self,
        *,
        pool: Pool,
        dialer: Dialer,
        access: Access,
        spool: Spool,
        masker: Masker,
        log: AccessLog,
        max_request_bytes: int,
        times: Times,
    ) -> None:
        loop = asyncio.get_running_loop()
        self.pool = pool
        self.turn = Turn(spool, loop)
        self.running: set[Exchange] = set()
        self.clients: set[Client] = set()
        """All connections that may bring requests."""
        self.now = loop.time
        self._dialer = dialer
        self._access = access
        self._masker = masker
        self._log = log
        self._max_request_bytes = max_request_bytes
        self._times = times
        self._tasks: set[asyncio.Task[None]] = set()
        self.spawn(self._watch())

    def accept(self, head: bytes, at_hand: int, client_address: str | None) -> Upload | None:
        """A request whose head is whole and of whose body `at_hand` bytes have come; None when it is not plain."""
        request = read_request(head)
        if request is None or not at_hand <= (request.length or 0) <= self._max_request_bytes:
            return None
        try:
            admission = self._access.admit(request.host, request.authorization, request.api_key)
        except Refusal:
            return None
        return None if admission.stale else Upload(request, admission, client_address)

    def start(self, client: Client, upload: Upload) -> Exchange:
        """Send a whole request on its way; its record is made while Claude reads it."""
        began, body = time.perf_counter(), upload.taken()
        exchange_id = raw_exchange_id(upload.started_at)
        capture = Capture(self.turn, self._masker, exchange_id, self._log)
        exchange = Exchange(self, client, exchange_id, capture)
        exchange.go(self._head(upload.request, upload.admission), body, began)
        capture.request(upload.call, upload.admission, body)
        return exchange

    def begin(self, client: Client, upload: Upload) -> LongExchange:
        """Send on what has come of a long request."""
        began, exchange_id, piece = time.perf_counter(), raw_exchange_id(upload.started_at), upload.parts[0]
        capture = Capture(self.turn, self._masker, exchange_id, self._log)
        exchange = LongExchange(self, client, exchange_id, capture, upload)
        exchange.go(self._head(upload.request, upload.admission), b"", began)
        capture.request_begins(upload.call, upload.admission, upload.request.length or 0)
        capture.request_piece(piece)
        return exchange

    def give_up(self, upload: Upload) -> None:
        """The client left before its request was whole: nothing goes to Claude, and what came is recorded."""
        capture = Capture(self.turn, self._masker, raw_exchange_id(upload.started_at), self._log)
        gone = ClientGone(upload.taken())
        capture.request(upload.call, upload.admission, gone.seen)
        capture.end(Ending.CLIENT_GONE, "client_gone", str(gone))

    def _head(self, request: PlainRequest, admission: Admission) -> bytes:
        """The request's head as Claude gets it: the client's credentials, or the domain's in their place."""
        fields = as_admitted(request.passing, admission)
        if request.length is not None:
            fields.append((b"content-length", b"%d" % request.length))
        lines = b"".join([b"%b: %b\r\n" % field for field in fields])
        dialer = self._dialer
        way = (request.method, dialer.path, request.target, dialer.host_field)
        return b"%b %b%b HTTP/1.1\r\nhost: %b\r\n%b\r\n" % (*way, lines)

    def spawn(self, work: Coroutine[None, None, None]) -> None:
        """Run something that outlives the call; `close` cancels it."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(min(_MOST_TICK, self._times.first_byte / 4, self._times.idle / 4))
            try:
                self._look()
            except Exception:  # whatever is wrong with one, the others' limits hold
                _log.exception("the lane's watch failed")

    def _look(self) -> None:
        for exchange in list(self.running):
            exchange.watch(self._times)
        for client in list(self.clients):
            client.close_if_tired()
        self.pool.sweep()

    def close(self) -> None:
        """Cut what is still running, and record it so."""
        for exchange in list(self.running):
            exchange.lose()
        self.turn.end()
        for task in self._tasks:
            task.cancel()
        self.pool.close()


class Framing:
    """llhttp's word on where a plain request ends. One a connection, for request after request."""

    def __init__(self) -> None:
        self._whole = False
        self._parser = HttpRequestParser(self)

    def on_message_complete(self) -> None:
        """The request is whole."""
        self._whole = True

    def feed(self, data: bytes) -> bool | None:
        """Whether the request is whole with these bytes; None when they are not good HTTP."""
        try:
            self._parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade):
            return None
        whole, self._whole = self._whole, False
        return whole
