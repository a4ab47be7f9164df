"""Texts of an exchange that pages show the beginning of: whole, and as text alone."""

from __future__ import annotations

import asyncio
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from plait.common.queries.records import get_exchange
from plait.dashboard.database import Database
from plait.dashboard.front.looking import look_up
from plait.dashboard.islands.whole import find

_UNKNOWN: Final = "Nothing is recorded there."
_LONGEST_PLACE: Final = 1_000


class Texts:
    """`GET /api/requests/{id}/text?at=`: what stands at a place (`islands.whole`). The gate has let in who asks."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def routes(self) -> list[Route]:
        """What the front answers itself."""
        return [Route("/api/requests/{id:uuid}/text", self.text)]

    async def text(self, request: Request) -> Response:
        """The text, to who may see the exchange."""
        at = request.query_params.get("at", "")[:_LONGEST_PLACE]
        exchange = await look_up(request, self._database, get_exchange)
        told = await asyncio.to_thread(find, exchange, at) if exchange else None
        if told is None:
            raise HTTPException(404, _UNKNOWN)
        return PlainTextResponse(told, headers={"cache-control": "no-store"})
