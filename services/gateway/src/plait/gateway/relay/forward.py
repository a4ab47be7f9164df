"""One call: request up, answer down piece by piece, a record of both, and an end that says what happened."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import Final, Protocol
from uuid import UUID

from plait.common.ids import new_exchange_id
from plait.gateway.metrics import OVERHEAD_ANSWER, UPSTREAM_RETRIES
from plait.gateway.relay.call import Body, Call, Receive, Scope, Send, gone
from plait.gateway.relay.capture import Capture
from plait.gateway.relay.connection import Broke
from plait.gateway.relay.cycle import REASON
from plait.gateway.relay.fields import REQUEST_ID, Fields, to_client, value_of
from plait.gateway.relay.protocol import cut
from plait.gateway.relay.refusals import Refusal
from plait.gateway.relay.retries import pause_before_retry
from plait.gateway.relay.upstream import Answer, Upstream
from plait.gateway.spool.records import Ending

_BODILESS: Final = frozenset({204, 304})
_MOST_REFUSAL: Final = 1 << 20
_REFUSAL_SECONDS: Final = 10
"""How much of a refusal is read for the record before the call is tried again, and for how long."""


class Recorder(Protocol):
    """Where records go, and how long that takes."""

    async def recorded(self, exchange: bytes) -> None:
        """Returns when what was recorded of an exchange is in the spool."""
        ...

    async def on_disk(self) -> None:
        """Returns when what is in the spool is on disk, where that is asked for."""
        ...


class Forward:
    """Passes one request on and its answer back."""

    def __init__(
        self,
        upstream: Upstream,
        capture: Capture,
        call: Call,
        exchange_id: UUID,
        *,
        recorder: Recorder,
        keep_id: bool = False,
    ) -> None:
        """`keep_id`: an X-Request-ID that upstream gave stays, because its own log and answers go by it."""
        self._recorder = recorder
        self._keep_id = keep_id
        self._upstream = upstream
        self._capture = capture
        self._call = call
        self._exchange_id = exchange_id
        self._between_attempts = False
        self._client_left = False
        self._drained = False

    async def run(self, scope: Scope, fields: Fields, body: Body, receive: Receive, send: Send) -> None:
        """Do it; when the client leaves first, cut upstream's answer or read it on, as `ON_CLIENT_DISCONNECT` says."""
        work = asyncio.ensure_future(self._exchange(scope, fields, body, send))
        watch = asyncio.ensure_future(gone(receive))
        try:
            await asyncio.wait({work, watch}, return_when=asyncio.FIRST_COMPLETED)
            if not work.done():
                await self._left_alone(work)
            with contextlib.suppress(asyncio.CancelledError):
                await work
        except asyncio.CancelledError:
            # The grace time of a stop is over: what is open is cut and recorded as lost, not as an error of ours.
            self._end(Ending.GATEWAY_LOST, "gateway_lost", "the gateway was stopped")
            work.cancel()
            cut(scope)
        finally:
            watch.cancel()
            self._capture.end(Ending.GATEWAY_LOST, "gateway_lost", "the gateway failed")

    async def _left_alone(self, work: asyncio.Future[None]) -> None:
        """The client has closed its connection, or has been answered and only the end of its answer is under way."""
        if self._capture.ended and not self._between_attempts:
            return
        self._client_left = True
        if self._upstream.drain_seconds and not self._between_attempts:
            await asyncio.wait({work}, timeout=self._upstream.drain_seconds)
        if not work.done():
            self._end(Ending.CLIENT_GONE)
            work.cancel()

    def _end(self, ending: Ending, error_type: str = "", message: str = "") -> None:
        """The end of the record. To a client that had left, nothing that happened afterwards counts."""
        if self._drained:
            ending, error_type = Ending.DRAINED, "client_gone"
            message = "the client closed the connection, and the answer was read on for the record"
        elif self._client_left:
            ending, error_type, message = Ending.CLIENT_GONE, "client_gone", "the client closed the connection"
        self._capture.end(ending, error_type, message)

    async def _exchange(self, scope: Scope, fields: Fields, body: Body, send: Send) -> None:
        try:
            answer = await self._ask(fields, body)
        except Refusal as refusal:
            await self._refuse(refusal, send)
            return
        try:
            await self._pass_on(answer, send)
        except Broke as broke:
            # What came was passed on, nothing is added, and the client sees the cut as it would have without us.
            self._end(Ending.UPSTREAM_CUT, "upstream_cut", str(broke))
            cut(scope)
        finally:
            answer.close()

    async def _ask(self, fields: Fields, body: Body) -> Answer:
        """The answer that the client gets; attempts before it are records of their own."""
        for failures in range(1, self._upstream.retries + 1):
            answer = await self._upstream.ask(self._call, fields, body)
            pause = pause_before_retry(answer.status, answer.fields, failures)
            if pause is None:
                body.drop()
                return answer
            await self._record_failure(answer)
            self._between_attempts = True
            await asyncio.sleep(pause)
            self._between_attempts, body.since = False, time.perf_counter()
            self._exchange_id = new_exchange_id()
            self._capture = self._capture.again(self._exchange_id.bytes, self._call.again(failures + 1), body.data)
        answer = await self._upstream.ask(self._call, fields, body)
        body.drop()
        return answer

    async def _record_failure(self, answer: Answer) -> None:
        UPSTREAM_RETRIES.add(answer.status)
        self._capture.head(answer.status, to_client(answer.fields, answer.status))
        size = 0
        try:
            async with asyncio.timeout(_REFUSAL_SECONDS):
                while size < _MOST_REFUSAL and (piece := await answer.piece()):
                    self._capture.piece(piece)
                    size += len(piece)
            self._end(Ending.WHOLE)
        except (Broke, TimeoutError):
            self._end(Ending.UPSTREAM_CUT, "upstream_cut", "the rest of the refusal was not awaited")
        finally:
            answer.close()

    async def _pass_on(self, answer: Answer, send: Send) -> None:
        fields = to_client(answer.fields, answer.status)
        self._capture.head(answer.status, fields)
        left = self._length(answer, fields)
        if left == 0:
            await self._end_whole()
        given = value_of(answer.fields, REQUEST_ID) if self._keep_id else None
        fields.append((REQUEST_ID, given or str(self._exchange_id).encode()))
        start = {"type": "http.response.start", "status": answer.status, "headers": fields}
        await send(start | {REASON: answer.reason})
        first = True
        while left != 0 and (piece := await answer.piece()):
            began = time.perf_counter()
            self._drained = self._client_left
            self._capture.piece(piece)
            await self._recorder.recorded(self._exchange_id.bytes)
            left = None if left is None else left - len(piece)
            if left == 0:
                await self._end_whole()
            await send({"type": "http.response.body", "body": piece, "more_body": True})
            if first:
                first = False
                OVERHEAD_ANSWER.observe(time.perf_counter() - began)
        await self._end_whole()
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _end_whole(self) -> None:
        """The record is whole, and where it is asked for on disk, before the client gets the last byte."""
        if not self._capture.ended:
            self._end(Ending.WHOLE)
            await self._settled()

    async def _settled(self) -> None:
        await self._recorder.recorded(self._exchange_id.bytes)
        await self._recorder.on_disk()

    def _length(self, answer: Answer, fields: Fields) -> int | None:
        """Bytes of the body to come, None when only its end will tell."""
        if self._call.method == "HEAD" or answer.status in _BODILESS:
            return 0
        length = value_of(fields, b"content-length")
        return None if length is None else int(length)

    async def _refuse(self, refusal: Refusal, send: Send) -> None:
        if self._client_left:
            self._end(Ending.NO_ANSWER)
            return
        fields, body = refusal.answer(str(self._exchange_id))
        self._capture.own_answer(refusal, fields, body, Ending.NO_ANSWER)
        await self._settled()
        await send({"type": "http.response.start", "status": refusal.status, "headers": fields})
        await send({"type": "http.response.body", "body": body, "more_body": False})
