"""The messages of a long request that did not come with its page."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Final

import msgspec
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from plait.common.queries.records import get_exchange
from plait.dashboard.database import Database
from plait.dashboard.front.live.events import framed
from plait.dashboard.front.looking import named
from plait.dashboard.front.session import Sessions
from plait.dashboard.front.streaming import EventStream
from plait.dashboard.islands.messages import Said, messages_in
from plait.dashboard.islands.slices import rest_from

_MOST_DIGITS: Final = 9


class Slices:
    """`GET /api/requests/{id}/messages?from=`: events, one a slice (`islands.slices`). The gate has let in who asks."""

    def __init__(self, sessions: Sessions, database: Database) -> None:
        self._sessions = sessions
        self._database = database

    def routes(self) -> list[Route]:
        """What the front answers itself."""
        return [Route("/api/requests/{id:uuid}/messages", self.messages)]

    async def messages(self, request: Request) -> Response:
        """All slices but the first, to who may see the exchange: that with message `from` at once, others after it."""
        wanted = request.query_params.get("from", "")
        place = int(wanted) - 1 if wanted.isascii() and wanted.isdigit() and len(wanted) <= _MOST_DIGITS else 0
        exchange = await named(request, self._database, get_exchange)
        said = Said(messages_in(exchange.request_body))
        return EventStream(_slices(said, place), self._sessions.over(request.state.session))


async def _slices(said: Said, place: int) -> AsyncGenerator[bytes, None]:
    for one in rest_from(len(said), place):
        drawn = await asyncio.to_thread(said.draw, one)
        told = {"first": one.start + 1, "html": str(Markup("\n").join(drawn))}
        yield framed("slice", msgspec.json.encode(told))
    yield framed("end", b"{}")
