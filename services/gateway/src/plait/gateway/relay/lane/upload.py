"""Plain requests whose bodies are still coming. A long one goes up piece by piece, and so does its record grow."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from plait.gateway.access.access import Admission
from plait.gateway.relay.call import Call
from plait.gateway.relay.capture import Capture
from plait.gateway.relay.lane.answers import AnswerHead
from plait.gateway.relay.lane.connection import Connection
from plait.gateway.relay.lane.exchange import Client, Exchange
from plait.gateway.relay.lane.plain import PlainRequest
from plait.gateway.relay.refusals import Refusal
from plait.gateway.relay.upstream import Times

if TYPE_CHECKING:
    from plait.gateway.relay.lane.lane import Lane

_SHORT: Final = 64 * 1024
"""Bytes up to which a body is awaited: then it is one write to Claude, and a request that breaks off is none."""


class Upload:
    """A plain request whose body is still coming."""

    def __init__(self, request: PlainRequest, admission: Admission, client_address: str | None) -> None:
        self.request = request
        self.admission = admission
        self.client_address = client_address
        self.started_at = time.time()
        self.began = time.perf_counter()
        self.parts: list[bytes] = []
        """What has come of the body and was not sent on."""
        self.missing = request.length or 0
        """Bytes that have not come."""

    def add(self, data: bytes) -> None:
        """Bytes of the body, not more than are missing."""
        self.parts.append(data)
        self.missing -= len(data)

    @property
    def is_long(self) -> bool:
        """Whether the body is sent on as it comes. One that may have to be repeated (GET) is not."""
        return (self.request.length or 0) > _SHORT and self.request.method != b"GET"

    @property
    def call(self) -> Call:
        """The request as a record tells it."""
        request = self.request
        path, _, query = request.target.partition(b"?")
        return Call(
            method=request.method.decode(),
            path=path,
            query=query,
            fields=request.fields,
            tag=request.tag.decode("latin-1") if request.tag else None,
            client_address=self.client_address,
            started_at=self.started_at,
            began=self.began,
        )

    def taken(self) -> bytes:
        """What has come since it was last taken."""
        parts, self.parts = self.parts, []
        return parts[0] if len(parts) == 1 else b"".join(parts)


class LongExchange(Exchange):
    """An exchange whose request is under way.

    Claude may answer before it has all of it. Then the record has of the request what had come by then, and when the
    answer is over the rest of the request is read away.
    """

    __slots__ = ("_held", "_upload")

    def __init__(self, lane: Lane, client: Client, exchange_id: bytes, capture: Capture, upload: Upload) -> None:
        super().__init__(lane, client, exchange_id, capture)
        self._upload = upload
        self._held = False
        """Whether nothing is read of the client, because Claude takes no more."""

    def more(self) -> None:
        """More of the body has come."""
        self.since = self._lane.now()
        piece, is_whole = self._upload.parts[-1], not self._upload.missing
        if self._connection is not None:  # else it is being opened
            self._connection.send(self._upload.taken(), last=is_whole)
        self._capture.request_piece(piece)
        if is_whole:
            self._capture.request_ends()
        elif self._connection is not None and self._connection.is_full and not self._held:
            self._held = True
            self._client.hold()

    def drained(self) -> None:
        """Claude takes more."""
        self.since = self._lane.now()
        self._release()

    def heard(self, head: AnswerHead | None, data: bytes, *, whole: bool) -> None:
        """As for every exchange; but the connection of a client that was answered early ends with this answer."""
        self._close_behind()
        super().heard(head, data, whole=whole)

    def watch(self, times: Times) -> None:
        """As for every exchange; while the client keeps Claude waiting, its own limit holds."""
        if self._held or not self._upload.missing:
            super().watch(times)

    def _ask(self, connection: Connection, head: bytes, _body: bytes, began: float) -> None:
        """What has come of the body is with the upload."""
        connection.awaits_more = bool(self._upload.missing)
        super()._ask(connection, head, self._upload.taken(), began)

    def _refuse(self, refusal: Refusal) -> None:
        self._close_behind()
        super()._refuse(refusal)

    def _finish(self) -> None:
        self._release()
        super()._finish()

    def _close_behind(self) -> None:
        if self._upload.missing:
            self._client.closes = True

    def _release(self) -> None:
        if self._held:
            self._held = False
            self._client.go_on()
