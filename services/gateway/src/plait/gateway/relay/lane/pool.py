"""Open connections to Claude that wait for the next request, and the making of new ones."""

from __future__ import annotations

import asyncio
from typing import Final

from plait.gateway.relay.dialing import Dialer
from plait.gateway.relay.lane.connection import Connection
from plait.gateway.relay.upstream import Times

_IDLE_SECONDS: Final = 30


class Pool:
    """Connections to one server. The one used last is taken first, so that those not needed grow old and are closed."""

    def __init__(self, name: str, dialer: Dialer, times: Times) -> None:
        """To be made inside the running loop."""
        self._name = name
        self._dialer = dialer
        self._connect_seconds = times.connect
        self._loop = asyncio.get_running_loop()
        self._idle: list[tuple[float, Connection]] = []

    def take(self) -> Connection | None:
        """An open connection, None when there is none."""
        while self._idle:
            _, connection = self._idle.pop()
            if connection.is_usable:
                return connection
        return None

    def give(self, connection: Connection, *, reusable: bool) -> None:
        """Back from a request; `reusable`: Claude takes another. One that was answered early may still be half sent."""
        transport = connection.transport
        if reusable and not transport.is_closing() and not transport.get_write_buffer_size():
            self._idle.append((self._loop.time(), connection))
        else:
            transport.abort()

    async def connect(self) -> Connection:
        """A new connection; where nobody listens it is tried twice more.

        Raises:
            Refusal: 502 when there is none to be had, 504 when it takes too long.
        """
        return await self._dialer.connect(lambda: Connection(self), self._name, self._connect_seconds)

    def sweep(self) -> None:
        """Close what has waited for too long."""
        oldest = self._loop.time() - _IDLE_SECONDS
        while self._idle and self._idle[0][0] < oldest:
            self._idle.pop(0)[1].transport.close()

    def close(self) -> None:
        """Close what waits."""
        for _, connection in self._idle:
            connection.transport.close()
        self._idle.clear()
