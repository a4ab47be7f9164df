"""The way to Claude, or to a service of our own: a pool of connections, and requests whose bytes are exactly ours."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from dataclasses import dataclass
from typing import Final

from plait.gateway.metrics import OVERHEAD_REQUEST
from plait.gateway.relay.call import Body, Call
from plait.gateway.relay.connection import Broke, Connection
from plait.gateway.relay.dialing import Dialer
from plait.gateway.relay.fields import Fields
from plait.gateway.relay.refusals import too_slow, unreachable

_IDLE_SECONDS: Final = 30
"""How long a connection may wait for its next exchange."""
_STATUSES: Final = range(200, 600)
"""What ends a request: 1xx come before an answer, and we asked for no other protocol."""
_REPEATABLE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
"""What may be asked twice without harm (RFC 9110, 9.2.2)."""


@dataclass(frozen=True)
class Times:
    """How long to wait, in seconds: for a connection, for an answer's head, and for each next piece of it."""

    connect: float
    first_byte: float
    idle: float


class Answer:
    """An answer whose head has come. To be closed by whoever asked."""

    def __init__(self, upstream: Upstream, connection: Connection) -> None:
        self.status = connection.status
        self.reason = connection.reason
        self.fields = connection.fields
        self._upstream = upstream
        self._connection = connection

    async def piece(self) -> bytes:
        """The next bytes of the body as they come, empty at its clean end.

        Raises:
            Broke: it was cut, or nothing came for too long.
        """
        return await self._upstream.next_piece(self._connection)

    def close(self) -> None:
        """Give the connection back, or close it when the answer is not over."""
        self._upstream.take_back(self._connection)


class Upstream:
    """One server that requests go on to, with its pool of connections."""

    def __init__(
        self,
        name: str,
        dialer: Dialer,
        times: Times,
        *,
        retries: int = 0,
        drain_seconds: float = 0,
    ) -> None:
        self.retries: Final = retries
        """How often a refused call is tried again for the client."""
        self.drain_seconds: Final = drain_seconds
        """How long an answer is read on for the record when its client has left; 0: it is cut."""
        self._name = name
        self._dialer = dialer
        self._times = times
        self._waiting: deque[tuple[Connection, float]] = deque()

    def close(self) -> None:
        """Close the pool."""
        while self._waiting:
            self._waiting.pop()[0].close()

    async def ask(self, call: Call, fields: Fields, body: Body) -> Answer:
        """Send the request; returns when the answer's head is there.

        Raises:
            Refusal: 502 when there is no connection or no answer, 504 when it takes too long.
        """
        taken = time.perf_counter() - body.since
        kept = self._pooled()
        if kept is not None and call.method in _REPEATABLE:
            with contextlib.suppress(Broke):  # closed just when it was used: nobody has heard the call
                return await self._answer(kept, call, fields, body.data, taken)
            kept = None
        try:
            return await self._answer(kept or await self._fresh(), call, fields, body.data, taken)
        except Broke as error:
            raise unreachable(self._name, str(error)) from error

    async def _answer(self, connection: Connection, call: Call, fields: Fields, body: bytes, taken: float) -> Answer:
        """`taken`: seconds that went by before a connection was looked for."""
        began = time.perf_counter()
        connection.send(self._head(call, fields, len(body)), body, bodiless=call.method == "HEAD")
        OVERHEAD_REQUEST.observe(time.perf_counter() - began + taken)
        try:
            async with asyncio.timeout(self._times.first_byte):
                await connection.head()
        except TimeoutError as error:
            connection.close()
            raise too_slow(self._name, f"no answer within {self._times.first_byte:g} s") from error
        except asyncio.CancelledError:
            connection.close()
            raise
        if connection.status not in _STATUSES:
            connection.close()
            raise unreachable(self._name, f"it answered with status {connection.status}, which is no answer")
        return Answer(self, connection)

    async def next_piece(self, connection: Connection) -> bytes:
        """The next bytes of an answer's body.

        Raises:
            Broke: it was cut, or nothing came for too long.
        """
        try:
            async with asyncio.timeout(self._times.idle):
                return await connection.piece()
        except TimeoutError as error:
            raise Broke(f"{self._name} sent nothing for {self._times.idle:g} s") from error
        except Broke as error:
            raise Broke(f"{self._name} cut the answer") from error

    def take_back(self, connection: Connection) -> None:
        """The exchange is over, or given up."""
        now = time.monotonic()
        if connection.reusable:
            self._waiting.append((connection, now))
        else:
            connection.close()
        while self._waiting and self._waiting[0][1] < now - _IDLE_SECONDS:
            self._waiting.popleft()[0].close()

    def _pooled(self) -> Connection | None:
        """The connection that was used last: the others may rest until they are too old."""
        while self._waiting:
            connection, since = self._waiting.pop()
            if not connection.closed and since > time.monotonic() - _IDLE_SECONDS:
                return connection
            connection.close()
        return None

    async def _fresh(self) -> Connection:
        return await self._dialer.connect(Connection, self._name, self._times.connect)

    def _head(self, call: Call, fields: Fields, size: int) -> bytes:
        dialer = self._dialer
        target = dialer.absolute + dialer.path + call.target
        lines = [b"%b %b HTTP/1.1\r\nHost: %b\r\n" % (call.method.encode("ascii"), target, dialer.host_field)]
        lines += [b"%b: %b\r\n" % field for field in fields]
        if dialer.proxy_authorization is not None:
            lines.append(b"Proxy-Authorization: %b\r\n" % dialer.proxy_authorization)
        if size or call.announces_body:
            lines.append(b"Content-Length: %d\r\n" % size)
        return b"".join([*lines, b"\r\n"])
