"""One plain request on its way up, and its answer on its way down."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Final, Protocol

from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from plait.common.ids import id_text
from plait.gateway.metrics import OVERHEAD_REQUEST
from plait.gateway.relay.capture import Capture
from plait.gateway.relay.lane.answers import AnswerHead
from plait.gateway.relay.lane.connection import Connection
from plait.gateway.relay.refusals import Refusal, too_slow, unreachable
from plait.gateway.relay.upstream import Times
from plait.gateway.spool.records import Ending

if TYPE_CHECKING:
    from plait.gateway.relay.lane.lane import Lane

_NAME: Final = "Claude"
_MOST_AT_ONCE: Final = 16 * 1024
"""Bytes of an answer that its end can carry in the record: ends are kept in memory while the disk takes none."""


class Client(Protocol):
    """The connection that a request came on."""

    transport: asyncio.Transport
    closes: bool
    """Whether the connection is to end with this answer."""

    @property
    def is_full(self) -> bool:
        """Whether it has to be read by its client before it takes more."""
        ...

    def answered(self) -> None:
        """The answer is on its way out; another request may come."""
        ...

    def hold(self) -> None:
        """Read no more of its request until `go_on`."""
        ...

    def go_on(self) -> None:
        """Read on."""
        ...

    def close_if_tired(self) -> None:
        """Close it if no request has come for too long."""
        ...


class Exchange:
    """Told of its answer by the connection that it asked on, of its client by the protocol."""

    __slots__ = (
        "_again",
        "_answering",
        "_capture",
        "_chunked",
        "_client",
        "_connection",
        "_id",
        "_lane",
        "_paused",
        "since",
    )

    def __init__(self, lane: Lane, client: Client, exchange_id: bytes, capture: Capture) -> None:
        self._lane = lane
        self._client = client
        self._id = exchange_id
        self._capture = capture
        self._connection: Connection | None = None
        self._again: tuple[bytes, bytes] | None = None
        """What may be asked once more if Claude closes a kept connection just when it is used."""
        self._answering = False
        self._chunked = False
        self._paused = False
        self.since = lane.now()
        """When Claude was last heard of, or asked."""

    def go(self, head: bytes, body: bytes, began: float) -> None:
        """Send a whole request, on a connection that is open if there is one; `began`: when it was in hand."""
        self._lane.running.add(self)
        connection = self._lane.pool.take()
        if connection is not None:
            self._again = (head, body) if head.startswith(b"GET ") else None
            self._ask(connection, head, body, began)
        else:
            self._lane.spawn(self._connect(head, body))

    async def _connect(self, head: bytes, body: bytes) -> None:
        try:
            connection = await self._lane.pool.connect()
        except Refusal as refusal:
            self._refuse(refusal)
            return
        if self._capture.ended:
            self._lane.pool.give(connection, reusable=True)
        else:
            self._ask(connection, head, body, time.perf_counter())

    def _ask(self, connection: Connection, head: bytes, body: bytes, began: float) -> None:
        self.since = self._lane.now()
        self._connection = connection
        connection.ask(self, head, body)
        OVERHEAD_REQUEST.observe(time.perf_counter() - began)

    # What the connection tells.

    def heard(self, head: AnswerHead | None, data: bytes, *, whole: bool) -> None:
        """Pass on what came, once it is recorded."""
        self.since = self._lane.now()
        out = data
        if head is None:
            self._record(data)
        elif whole and len(data) <= _MOST_AT_ONCE:
            self._capture.at_once(head.status, head.fields, data)
        else:
            self._capture.head(head.status, head.fields)
            self._record(data)
        if head is not None:
            self._lane.turn.answering()
            self._answering, self._chunked = True, head.chunked
        if self._chunked:
            out = _chunk(data, last=whole)
        if head is not None:
            out = head.block(id_text(self._id).encode(), close=self._client.closes) + out
        if whole:
            self._capture.end(Ending.WHOLE)
        if out:
            self._lane.turn.write(self._client.transport, out)
        if whole:
            self._finish()
        elif self._client.is_full and not self._paused:
            self.pause()  # filled by the answer before, when this one had no connection to be paused

    def _record(self, data: bytes) -> None:
        if data:
            self._capture.piece(data)

    def drained(self) -> None:
        """Claude has taken the request; nothing waits for that."""

    def broke(self, why: str) -> None:
        """No answer, or no more of it: then the client sees the cut as it would without us."""
        if not self._answering and self._again is not None:
            again, self._again, self._connection = self._again, None, None
            self._lane.spawn(self._connect(*again))
            return
        if not self._answering:
            self._refuse(unreachable(_NAME, f"it {why}"))
            return
        self._capture.end(Ending.UPSTREAM_CUT, "upstream_cut", f"{_NAME} {why}")
        self._lane.running.discard(self)
        self._lane.turn.close(self._client.transport)

    # What the client's side tells.

    def client_gone(self) -> None:
        """The client closed its connection: so is Claude's, at once."""
        self._capture.end(Ending.CLIENT_GONE, "client_gone", "the client closed the connection")
        self._abandon()

    def pause(self) -> None:
        """The client takes no more for now: then neither do we."""
        if self._connection is not None and not self._capture.ended:
            self._paused = True
            self._connection.pause()

    def resume(self) -> None:
        """The client takes more."""
        if self._paused and self._connection is not None and not self._capture.ended:
            self._paused = False
            self.since = self._lane.now()
            self._connection.resume()

    # What the lane tells.

    def watch(self, times: Times) -> None:
        """Give up on a Claude that has been silent for too long; nothing is expected of it while we do not read."""
        silent = self._lane.now() - self.since
        if self._paused or self._connection is None or silent < (times.idle if self._answering else times.first_byte):
            return
        self._connection.abandon()
        if self._answering:
            self.broke(f"sent nothing for {times.idle:g} s")
        else:
            self._refuse(too_slow(_NAME, f"no answer within {times.first_byte:g} s"))

    def lose(self) -> None:
        """The gateway ends before the answer does."""
        self._capture.end(Ending.GATEWAY_LOST, "gateway_lost", "the gateway was stopped")
        self._abandon()
        self._lane.turn.close(self._client.transport)

    def _refuse(self, refusal: Refusal) -> None:
        """Answer in Claude's place."""
        if self._capture.ended:
            return
        fields, body = refusal.answer(id_text(self._id), close=self._client.closes)
        self._capture.own_answer(refusal, fields, body, Ending.NO_ANSWER)
        head = b"".join([b"%b: %b\r\n" % field for field in fields])
        self._lane.turn.write(self._client.transport, STATUS_LINE[refusal.status] + head + b"\r\n" + body)
        self._finish()

    def _finish(self) -> None:
        if self._paused and self._connection is not None:
            self._connection.resume()
        self._connection = None
        self._lane.running.discard(self)
        self._client.answered()

    def _abandon(self) -> None:
        self._lane.running.discard(self)
        if self._connection is not None:
            self._connection.abandon()


def _chunk(data: bytes, *, last: bool) -> bytes:
    """Bytes as one chunk, none if there are none, and the end behind the last."""
    chunk = b"%x\r\n%b\r\n" % (len(data), data) if data else b""
    return chunk + b"0\r\n\r\n" if last else chunk
