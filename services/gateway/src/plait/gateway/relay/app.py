"""The gateway as an ASGI application: which path goes where."""

from __future__ import annotations

import asyncio
from typing import Final, Protocol
from uuid import UUID

from plait.common.ids import new_exchange_id
from plait.common.masking import Masker
from plait.gateway.access.access import Access, Admission
from plait.gateway.access_log import AccessLog
from plait.gateway.relay import refusals
from plait.gateway.relay.call import Call, ClientGone, Receive, Scope, Send, call_of, drain, read_body, refusal_line
from plait.gateway.relay.capture import Capture
from plait.gateway.relay.capture import Spool as Captures
from plait.gateway.relay.cors import Cors
from plait.gateway.relay.fields import Fields, to_claude, to_service
from plait.gateway.relay.forward import Forward, Recorder
from plait.gateway.relay.health import Health
from plait.gateway.relay.identity import Unready, admit, as_admitted
from plait.gateway.relay.protocol import cut
from plait.gateway.relay.refusals import Refusal
from plait.gateway.relay.upstream import Upstream
from plait.gateway.spool.records import Ending

_MOST_API_BYTES: Final = 1024 * 1024
"""Largest body for our own services: who sends one may have shown no key yet."""
_OF_THE_API: Final = ("/token-stats", "/mcp")


class Spool(Captures, Recorder, Protocol):
    """Where captures go, and who tells that they are there."""


class Relay:
    """Everything that comes in on the gateway's port."""

    def __init__(
        self,
        *,
        access: Access,
        claude: Upstream,
        api: Upstream,
        spool: Spool,
        log: AccessLog,
        masker: Masker,
        health: Health,
        max_request_bytes: int,
        cors: Cors,
    ) -> None:
        self._access = access
        self._claude = claude
        self._api = api
        self._spool = spool
        self._log = log
        self._masker = masker
        self._health = health
        self._cors = cors
        self._max_request_bytes = max_request_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        call, exchange_id = call_of(scope), new_exchange_id()
        origin = self._cors.origin(call)
        if origin is not None and self._cors.is_preflight(call):
            await self._cors.allow(call, origin, str(exchange_id), send)
            return
        if origin is not None:
            send = self._cors.sending(origin, send)
        try:
            await self._answer(call, exchange_id, scope, receive, send)
        except asyncio.CancelledError:
            cut(scope)  # the grace time of a stop is over, and the request is not whole: nobody gets an answer

    async def _answer(self, call: Call, exchange_id: UUID, scope: Scope, receive: Receive, send: Send) -> None:
        path = call.path.decode("latin-1")
        if _is_claudes(call.method, path):
            await self._to_claude(call, exchange_id, scope, receive, send)
        elif path.startswith(("/api/", "/mcp/")) or path in _OF_THE_API:
            await self._to_api(call, exchange_id, scope, receive, send)
        elif path in self._health.paths:
            await self._health.answer(path, str(exchange_id), send)
        else:
            await self._refuse(refusals.unknown_path(path), call, exchange_id, receive, send)

    async def _to_claude(self, call: Call, exchange_id: UUID, scope: Scope, receive: Receive, send: Send) -> None:
        capture = Capture(self._spool, self._masker, exchange_id.bytes, self._log)
        try:
            admission = await admit(self._access, call.fields)
        except Unready as refusal:
            await self._refuse_known(refusal, refusal.admission, call, capture, exchange_id, receive, send)
            return
        except Refusal as refusal:
            await self._refuse(refusal, call, exchange_id, receive, send)
            return
        try:
            body = await read_body(call, receive, self._max_request_bytes)
        except ClientGone as gone:
            capture.request(call, admission, gone.seen)
            capture.end(Ending.CLIENT_GONE, "client_gone", str(gone))
            return
        except Refusal as refusal:
            await self._refuse_known(refusal, admission, call, capture, exchange_id, receive, send)
            return
        capture.request(call, admission, body.data)
        fields = as_admitted(to_claude(call.fields), admission)
        forward = Forward(self._claude, capture, call, exchange_id, recorder=self._spool)
        await forward.run(scope, fields, body, receive, send)

    async def _refuse_known(
        self,
        refusal: Refusal,
        admission: Admission,
        call: Call,
        capture: Capture,
        exchange_id: UUID,
        receive: Receive,
        send: Send,
    ) -> None:
        """Refuse somebody who was let in: it is recorded, without a body."""
        capture.request(call, admission, b"")
        fields, answer = refusal.answer(str(exchange_id), close=True)
        capture.own_answer(refusal, fields, answer, Ending.REFUSED)
        await _say(refusal.status, fields, answer, receive, send)

    async def _to_api(self, call: Call, exchange_id: UUID, scope: Scope, receive: Receive, send: Send) -> None:
        """What belongs to our own services passes the same way, unrecorded."""
        try:
            body = await read_body(call, receive, min(_MOST_API_BYTES, self._max_request_bytes))
        except ClientGone:
            return
        except Refusal as refusal:
            await self._refuse(refusal, call, exchange_id, receive, send)
            return
        capture = Capture(_NOWHERE, self._masker, exchange_id.bytes, self._log, call)
        forward = Forward(self._api, capture, call, exchange_id, recorder=_NOWHERE, keep_id=True)
        await forward.run(scope, to_service(call.fields), body, receive, send)

    async def _refuse(self, refusal: Refusal, call: Call, exchange_id: UUID, receive: Receive, send: Send) -> None:
        self._log.refused(refusal_line(refusal, exchange_id.bytes, call))
        await _say(refusal.status, *refusal.answer(str(exchange_id), close=True), receive, send)


class _Nowhere:
    """A spool that keeps nothing."""

    def record(self, _exchange: bytes, _record: object) -> bool:
        return False

    async def recorded(self, _exchange: bytes) -> None:
        pass

    async def on_disk(self) -> None:
        pass


_NOWHERE: Final = _Nowhere()


def _is_claudes(method: str, path: str) -> bool:
    """`/v1/*`, and the probes that Claude Code sends before its first call (wire.md)."""
    return path.startswith("/v1/") or path == "/api/hello" or (path == "/" and method == "HEAD")


async def _say(status: int, fields: Fields, body: bytes, receive: Receive, send: Send) -> None:
    """Answer at once, then read the rest of the request away, then close: so the answer can be read."""
    await send({"type": "http.response.start", "status": status, "headers": fields})
    await send({"type": "http.response.body", "body": body, "more_body": True})
    await drain(receive)
    await send({"type": "http.response.body", "body": b"", "more_body": False})
