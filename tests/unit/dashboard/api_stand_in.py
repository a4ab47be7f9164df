"""A read API that answers as a test says, reached without a network."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import httpx2

from plait.dashboard.front.relay import client


class _Stream(httpx2.AsyncByteStream):
    def __init__(self, api: StandIn) -> None:
        self._api = api

    async def __aiter__(self) -> AsyncIterator[bytes]:
        self._api.open += 1
        self._api.opened.set()
        try:
            while piece := await self._api.pieces.get():
                yield piece
        finally:
            self._api.open -= 1
            self._api.closed.set()


@dataclass
class StandIn:
    """What it was asked, and what it says."""

    status: int = 200
    body: bytes | None = None
    """None: a stream of what is put into `pieces`, until an empty one."""
    headers: dict[str, str] = field(default_factory=dict)
    away: bool = False
    asked: list[httpx2.Request] = field(default_factory=list)
    pieces: asyncio.Queue[bytes] = field(default_factory=asyncio.Queue)
    open: int = 0
    opened: asyncio.Event = field(default_factory=asyncio.Event)
    closed: asyncio.Event = field(default_factory=asyncio.Event)

    def client(self) -> httpx2.AsyncClient:
        """What the front calls it with."""
        calling = client("http://api.test:3002", "the-dashboard-key")
        calling._transport = httpx2.MockTransport(self._answer)
        return calling

    async def _answer(self, request: httpx2.Request) -> httpx2.Response:
        self.asked.append(request)
        if self.away:
            raise httpx2.ConnectError("nobody there")
        if self.body is not None:
            self.pieces.put_nowait(self.body)
            self.pieces.put_nowait(b"")
        return httpx2.Response(self.status, headers=self.headers, stream=_Stream(self))
