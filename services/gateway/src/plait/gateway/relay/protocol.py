"""uvicorn's connection, with two things that ASGI cannot say: end as if the connection broke, and refuse in JSON."""

from __future__ import annotations

from typing import Final

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from plait.common.ids import new_exchange_id
from plait.gateway.relay.call import Scope
from plait.gateway.relay.refusals import Refusal

CUT: Final = "plait.cut"


class RelayProtocol(HttpToolsProtocol):
    """Gives each request's scope the extension `plait.cut`: a function that ends the connection without a clean end."""

    def on_message_begin(self) -> None:
        """A request begins."""
        super().on_message_begin()
        self.scope["extensions"] = {CUT: {"cut": self.cut}}

    def cut(self) -> None:
        """Close after what was sent, without the terminator, so that the client sees an answer that broke off."""
        # The cycle is told that its client is gone, else it would log an answer that was never completed.
        self.cycle.disconnected = True
        self.transport.close()

    def send_400_response(self, msg: str) -> None:
        """Broken HTTP."""
        refusal = Refusal(400, "invalid_request_error", msg)
        fields, body = refusal.answer(str(new_exchange_id()), close=True)
        head = b"".join(b"%s: %s\r\n" % field for field in fields)
        self.transport.write(STATUS_LINE[400] + head + b"\r\n" + body)
        self.transport.close()


def cut(scope: Scope) -> None:
    """End the connection that `scope` came on as if it had broken."""
    scope["extensions"][CUT]["cut"]()
