"""uvicorn's connection, with what ASGI cannot say: end as if it broke, refuse in JSON, bound the head."""

from __future__ import annotations

import asyncio
import re
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from plait.common.errors import PlaitError
from plait.common.ids import new_exchange_id
from plait.gateway.access_log import AccessLog
from plait.gateway.relay.call import TARGET, Scope, refusal_line
from plait.gateway.relay.cycle import Cycle
from plait.gateway.relay.lane.exchange import Exchange
from plait.gateway.relay.lane.lane import Framing, Lane
from plait.gateway.relay.lane.upload import LongExchange, Upload
from plait.gateway.relay.refusals import Refusal, broken_http, head_too_large

CUT: Final = "plait.cut"
_MAX_HEAD: Final = 64 * 1024
_SHORTEST_HEAD: Final = 4
_VERSIONS: Final = frozenset({"1.0", "1.1"})
_HEAD_END: Final = re.compile(rb"\r?\n\r?\n")
_BEGINNING: Final = re.compile(rb"[A-Z]*(?:\Z| [^\n]*(?:\Z| HTTP/1\.[01]\r?\n))")
"""What may still become a head; anything else goes to the parser at once, to be refused."""
_UPGRADE: Final = re.compile(rb"(?im)^upgrade[ \t]*:[^\n]*\n")


class BadHead(PlaitError):
    """A head that llhttp takes and we do not."""


class RelayProtocol(HttpToolsProtocol):
    """Gives each request's scope the extension `plait.cut`: a function that ends the connection without a clean end.

    A head goes to the parser when it is whole, so it can be bounded. Its `Upgrade` field is taken out before: the
    parser would take the body for the other protocol's bytes, where a server that does not know the protocol has to go
    on as if nothing had been asked (clients offer `h2c` with any first request).
    """

    lane: Lane | None = None
    """What plain requests go down; without one all go to the ASGI app."""

    log: AccessLog
    """Told of each refusal that is made here."""

    closes = False
    """Whether the connection ends with the answer that is under way."""

    _head = b""
    _before_head = True
    _in_trailers = False
    _size = 0
    _framing: Framing | None = None
    _upload: Upload | None = None
    _exchange: Exchange | None = None
    _refusal: Refusal | None = None
    """Of what came last, to be said behind the answers to what came before it; nothing more is read."""
    _waits = False
    """Whether nothing is read, because `_head` holds what came too early."""
    _waits_since = 0.0
    """When the connection began to wait for its client: for a request, or for more of its body; 0: it does not."""

    def data_received(self, data: bytes) -> None:
        """Bytes came from the client."""
        if self._refusal is not None:
            return
        if self._upload is not None:
            self._go_on(self._upload, data)
            return
        if self._exchange is not None or (self.is_full and self._is_idle):
            self._wait_with(data)
            return
        if self._before_head:
            self._head = (self._head + data).lstrip(b"\r\n")
            if self.lane is not None and self._is_idle and self._takes(self.lane, self._head):
                return
            end = _HEAD_END.search(self._head)
            if (end.start() if end else len(self._head)) > _MAX_HEAD:
                self._refuse(head_too_large(_MAX_HEAD))
                return
            if end is None and _BEGINNING.match(self._head):
                return
            data, self._head = self._head, b""
            if end and _UPGRADE.search(data, 0, end.end()):
                data = _UPGRADE.sub(b"", data[: end.end()]) + data[end.end() :]
        self._waits_since = 0.0
        super().data_received(data)

    def on_message_begin(self) -> None:
        """A request begins."""
        super().on_message_begin()
        self.scope["extensions"] = {CUT: {"cut": self.cut}}
        self._before_head, self._in_trailers, self._size = False, False, 0

    def on_header(self, name: bytes, value: bytes) -> None:
        """A field of the head; what follows a chunked body is none, whatever it calls itself, and is dropped."""
        if self._in_trailers:
            return
        self._size += len(name) + len(value)
        if self._size > _MAX_HEAD:
            raise BadHead("it is too large")
        super().on_header(name, value.rstrip(b" \t"))  # llhttp leaves in it what is no part of it

    def on_headers_complete(self) -> None:
        """The head is whole. One that came behind another request was not looked at before."""
        if self.parser.get_http_version() not in _VERSIONS or self.parser.should_upgrade():
            raise BadHead("it is for another protocol")
        self._in_trailers = True
        self.scope["extensions"][TARGET] = {"bare_query": self.url.endswith(b"?")}
        super().on_headers_complete()
        self.cycle.__class__ = Cycle  # uvicorn makes it, and asks nobody of which kind; its task has not begun

    def on_message_complete(self) -> None:
        """The request is whole: what comes next is another head."""
        self._before_head = True
        super().on_message_complete()

    # Plain requests: the lane's.

    @property
    def is_full(self) -> bool:
        """Whether the client has not taken so much of its answers that it gets no more, and no request begins."""
        return bool(self.flow.write_paused)

    @property
    def _is_idle(self) -> bool:
        """Whether no request is with the ASGI app."""
        return (self.cycle is None or self.cycle.response_complete) and not self.pipeline

    def _takes(self, lane: Lane, data: bytes) -> bool:
        """Give the lane a request whose head is whole; False when it is not for it."""
        end = data.find(b"\r\n\r\n") + 4
        if not _SHORTEST_HEAD < end <= _MAX_HEAD:
            return False
        upload = lane.accept(data[:end], len(data) - end, self.client[0] if self.client else None)
        if upload is None:
            return False
        if self._framing is None:
            self._framing = Framing()
        whole = self._framing.feed(data)
        if whole is None:
            self._framing = None
            return False
        self._head = b""
        if self.timeout_keep_alive_task is not None:
            self._unset_keepalive_if_required()
        upload.add(data[end:])
        if whole:
            self._exchange = lane.start(self, upload)
            return True
        self._upload = upload
        self._waits_since = self.loop.time()
        if upload.is_long:
            self._exchange = lane.begin(self, upload)
        return True

    def _go_on(self, upload: Upload, data: bytes) -> None:
        """More of a plain request's body; what is behind it waits."""
        assert self.lane is not None
        assert self._framing is not None
        rest = data[upload.missing :]
        part = data[: upload.missing] if rest else data
        upload.add(part)
        whole = self._framing.feed(part)
        self._waits_since = 0.0 if whole else self.loop.time()
        if whole:
            self._upload = None
        if isinstance(self._exchange, LongExchange):
            self._exchange.more()
        elif upload.is_long:  # it was answered before it was whole: what comes is thrown away
            upload.taken()
            if whole:
                self.lane.turn.close(self.transport)
            return
        elif whole:
            self._exchange = self.lane.start(self, upload)
        if rest:
            self._wait_with(rest)

    def _wait_with(self, data: bytes) -> None:
        """The next request came before the answer to this one was given, or taken."""
        self._head += data
        self._waits = True
        self.transport.pause_reading()

    def answered(self) -> None:
        """The lane has answered: close, or take the next request."""
        self._exchange = None
        self.server_state.total_requests += 1
        if self._upload is not None:
            self._waits_since = self.loop.time()
        elif self.closes:
            assert self.lane is not None
            self.lane.turn.close(self.transport)
        elif self._waits:
            self._take_waiting()
        else:
            self._waits_since = self.loop.time()

    def _take_waiting(self) -> None:
        """Go on with what came too early."""
        early, self._head, self._waits = self._head, b"", False
        self.transport.resume_reading()
        self.data_received(early)

    def hold(self) -> None:
        """Claude takes no more of the body for now: then neither do we."""
        self._waits_since = 0.0
        self.transport.pause_reading()

    def go_on(self) -> None:
        """Claude takes more, or has answered."""
        if not self.transport.is_closing():
            self._waits_since = self.loop.time()
            self.transport.resume_reading()

    def close_if_tired(self) -> None:
        """Close a connection that has waited for too long: for a whole head, or for the next bytes of a body."""
        if self._waits_since and self._waits_since < self.loop.time() - self.timeout_keep_alive:
            self.transport.close()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """A client has come."""
        super().connection_made(transport)
        if self.lane is not None:
            self.lane.clients.add(self)
            self._waits_since = self.loop.time()
        else:
            self.timeout_keep_alive_task = self.loop.call_later(
                self.timeout_keep_alive, self.timeout_keep_alive_handler
            )

    def connection_lost(self, exc: Exception | None) -> None:
        """The client's connection is closed, by either side."""
        exchange, upload = self._exchange, self._upload
        self._exchange = self._upload = None
        if self.lane is not None:
            self.lane.clients.discard(self)
        if exchange is not None:
            exchange.client_gone()
        elif upload is not None and self.lane is not None and not upload.is_long:
            self.lane.give_up(upload)
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """The client is slower than Claude."""
        if self._exchange is not None:
            self._exchange.pause()
        super().pause_writing()

    def resume_writing(self) -> None:
        """The client has caught up."""
        super().resume_writing()
        if self._exchange is not None:
            self._exchange.resume()
        elif self._waits and not self.transport.is_closing():
            self._take_waiting()

    def _write_answers(self) -> None:
        """Write what the lane has answered in this turn: it stands before what is written at once, or is closed."""
        if self.lane is not None:
            self.lane.turn.end()

    def shutdown(self) -> None:
        """The server ends: so does the connection, with the answer that is under way if there is one."""
        self._write_answers()
        if self._exchange is not None or self._upload is not None:
            self.closes = True
        else:
            super().shutdown()

    # Answers that are not ASGI's.

    def cut(self) -> None:
        """Close after what was sent, without the terminator, so that the client sees an answer that broke off."""
        # The cycle is told that its client is gone, else it would log an answer that was never completed.
        self.cycle.disconnected = True
        self.transport.close()

    def send_400_response(self, msg: str) -> None:
        """Broken HTTP."""
        self._refuse(broken_http(msg))

    def _refuse(self, refusal: Refusal) -> None:
        """Refuse what came last, in its turn: inside another answer, a refusal would be read as bytes of it."""
        if self._is_idle:
            self._say(refusal)
        elif self.pipeline or not self.cycle.more_body:
            if self.cycle.more_body:  # its own body is broken: it is not asked
                self.pipeline.popleft()
            self._refusal = refusal
        elif self.cycle.response_started:  # the request itself that is being answered
            self.cut()
        else:
            self._say(refusal)

    def on_response_complete(self) -> None:
        """The app has answered."""
        is_last = not self.pipeline
        super().on_response_complete()
        if is_last and self._refusal is not None and not self.transport.is_closing():
            self._say(self._refusal)

    def _say(self, refusal: Refusal) -> None:
        self._write_answers()
        exchange_id = new_exchange_id()
        self.log.refused(refusal_line(refusal, exchange_id.bytes, None))
        fields, body = refusal.answer(str(exchange_id), close=True)
        head = b"".join(b"%s: %s\r\n" % field for field in fields)
        self.transport.write(STATUS_LINE[refusal.status] + head + b"\r\n" + body)
        self.transport.close()


def protocol_with(lane: Lane | None, log: AccessLog) -> type[RelayProtocol]:
    """The protocol whose connections share a lane and a log."""
    attributes: dict[str, Any] = {"lane": lane, "log": log}
    return type("LaneProtocol", (RelayProtocol,), attributes)


def cut(scope: Scope) -> None:
    """End the connection that `scope` came on as if it had broken."""
    scope["extensions"][CUT]["cut"]()
