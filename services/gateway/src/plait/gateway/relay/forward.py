"""One call: request up, answer down piece by piece, a record of both, and an end that says what happened."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import Final
from uuid import UUID

from plait.gateway.metrics import OVERHEAD_ANSWER
from plait.gateway.relay.call import Call, Receive, Scope, Send, gone
from plait.gateway.relay.capture import Capture
from plait.gateway.relay.connection import Broke
from plait.gateway.relay.fields import REQUEST_ID, Fields, to_client, value_of
from plait.gateway.relay.protocol import cut
from plait.gateway.relay.refusals import Refusal
from plait.gateway.relay.upstream import Answer, Upstream
from plait.gateway.spool.records import Ending

_BODILESS: Final = frozenset({204, 304})


class Forward:
    """Passes one request on and its answer back."""

    def __init__(
        self, upstream: Upstream, capture: Capture, call: Call, exchange_id: UUID, *, keep_id: bool = False
    ) -> None:
        """`keep_id`: an X-Request-ID that upstream gave stays, because its own log and answers go by it."""
        self._keep_id = keep_id
        self._upstream = upstream
        self._capture = capture
        self._call = call
        self._exchange_id = str(exchange_id).encode()

    async def run(self, scope: Scope, fields: Fields, body: bytes, receive: Receive, send: Send) -> None:
        """Do it, unless the client leaves first: then upstream's connection is closed at once."""
        work = asyncio.ensure_future(self._exchange(scope, fields, body, send))
        watch = asyncio.ensure_future(gone(receive))
        try:
            await asyncio.wait({work, watch}, return_when=asyncio.FIRST_COMPLETED)
            if not work.done() and not self._capture.ended:
                self._capture.end(Ending.CLIENT_GONE, "client_gone", "the client closed the connection")
                work.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await work
        except asyncio.CancelledError:
            # The grace time of a stop is over: what is open is cut and recorded as lost, not as an error of ours.
            self._capture.end(Ending.GATEWAY_LOST, "gateway_lost", "the gateway was stopped")
            work.cancel()
            cut(scope)
        finally:
            watch.cancel()
            self._capture.end(Ending.GATEWAY_LOST, "gateway_lost", "the gateway failed")

    async def _exchange(self, scope: Scope, fields: Fields, body: bytes, send: Send) -> None:
        try:
            answer = await self._upstream.ask(self._call, fields, body)
        except Refusal as refusal:
            await self._refuse(refusal, send)
            return
        try:
            await self._pass_on(answer, send)
        except Broke as broke:
            # What came was passed on, nothing is added, and the client sees the cut as it would have without us.
            self._capture.end(Ending.UPSTREAM_CUT, "upstream_cut", str(broke))
            cut(scope)
        finally:
            answer.close()

    async def _pass_on(self, answer: Answer, send: Send) -> None:
        fields = to_client(answer.fields, answer.status)
        self._capture.head(answer.status, fields)
        left = self._length(answer, fields)
        if left == 0:
            self._capture.end(Ending.WHOLE)
        given = value_of(answer.fields, REQUEST_ID) if self._keep_id else None
        fields.append((REQUEST_ID, given or self._exchange_id))
        await send({"type": "http.response.start", "status": answer.status, "headers": fields})
        first = True
        while left != 0 and (piece := await answer.piece()):
            began = time.perf_counter()
            self._capture.piece(piece)
            left = None if left is None else left - len(piece)
            if left == 0:
                self._capture.end(Ending.WHOLE)
            await send({"type": "http.response.body", "body": piece, "more_body": True})
            if first:
                first = False
                OVERHEAD_ANSWER.observe(time.perf_counter() - began)
        self._capture.end(Ending.WHOLE)
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    def _length(self, answer: Answer, fields: Fields) -> int | None:
        """Bytes of the body to come, None when only its end will tell."""
        if self._call.method == "HEAD" or answer.status in _BODILESS:
            return 0
        length = value_of(fields, b"content-length")
        return None if length is None else int(length)

    async def _refuse(self, refusal: Refusal, send: Send) -> None:
        fields, body = refusal.answer(self._exchange_id.decode())
        self._capture.own_answer(refusal, fields, body, Ending.NO_ANSWER)
        await send({"type": "http.response.start", "status": refusal.status, "headers": fields})
        await send({"type": "http.response.body", "body": body, "more_body": False})
