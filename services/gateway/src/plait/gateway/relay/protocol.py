"""uvicorn's connection, with what ASGI cannot say: end as if it broke, refuse in JSON, bound the head."""

from __future__ import annotations

import re
from typing import Final

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from plait.common.ids import new_exchange_id
from plait.gateway.relay.call import TARGET, Scope
from plait.gateway.relay.refusals import Refusal, broken_http, head_too_large

CUT: Final = "plait.cut"
_MAX_HEAD: Final = 64 * 1024
_HEAD_END: Final = re.compile(rb"\r?\n\r?\n")
_BEGINNING: Final = re.compile(rb"[A-Z]*(?:\Z| [^\n]*(?:\Z| HTTP/1\.[01]\r?\n))")
"""What may still become a head; anything else goes to the parser at once, to be refused."""
_UPGRADE: Final = re.compile(rb"(?im)^upgrade[ \t]*:[^\n]*\n")


class RelayProtocol(HttpToolsProtocol):
    """Gives each request's scope the extension `plait.cut`: a function that ends the connection without a clean end.

    A head goes to the parser when it is whole, so it can be bounded. Its `Upgrade` field is taken out before: the
    parser would take the body for the other protocol's bytes, where a server that does not know the protocol has to go
    on as if nothing had been asked (clients offer `h2c` with any first request).
    """

    _head = b""
    _before_head = True
    _in_trailers = False

    def data_received(self, data: bytes) -> None:
        """Bytes came from the client."""
        if self._before_head:
            self._head = (self._head + data).lstrip(b"\r\n")
            end = _HEAD_END.search(self._head)
            if (end.start() if end else len(self._head)) > _MAX_HEAD:
                self._refuse(head_too_large(_MAX_HEAD))
                return
            if end is None and _BEGINNING.match(self._head):
                return
            data, self._head = self._head, b""
            if end and _UPGRADE.search(data, 0, end.end()):
                data = _UPGRADE.sub(b"", data[: end.end()]) + data[end.end() :]
        super().data_received(data)

    def on_message_begin(self) -> None:
        """A request begins."""
        super().on_message_begin()
        self.scope["extensions"] = {CUT: {"cut": self.cut}}
        self._before_head, self._in_trailers = False, False

    def on_header(self, name: bytes, value: bytes) -> None:
        """A field of the head; what follows a chunked body is none, whatever it calls itself, and is dropped."""
        if not self._in_trailers:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """The head is whole."""
        self._in_trailers = True
        self.scope["extensions"][TARGET] = {"bare_query": self.url.endswith(b"?")}
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """The request is whole: what comes next is another head."""
        self._before_head = True
        super().on_message_complete()

    def cut(self) -> None:
        """Close after what was sent, without the terminator, so that the client sees an answer that broke off."""
        # The cycle is told that its client is gone, else it would log an answer that was never completed.
        self.cycle.disconnected = True
        self.transport.close()

    def send_400_response(self, msg: str) -> None:
        """Broken HTTP."""
        self._refuse(broken_http(msg))

    def _refuse(self, refusal: Refusal) -> None:
        fields, body = refusal.answer(str(new_exchange_id()), close=True)
        head = b"".join(b"%s: %s\r\n" % field for field in fields)
        self.transport.write(STATUS_LINE[refusal.status] + head + b"\r\n" + body)
        self.transport.close()


def cut(scope: Scope) -> None:
    """End the connection that `scope` came on as if it had broken."""
    scope["extensions"][CUT]["cut"]()
