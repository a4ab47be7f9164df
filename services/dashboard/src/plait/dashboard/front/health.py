"""Health of the dashboard, open to whoever asks: it says what answers, never what is stored."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from plait.common.errors import DependencyDown
from plait.common.queries.paging import Reader
from plait.dashboard.database import Database

VERSION: Final = version("plait-dashboard")


_FRESH_S: Final = 1.0
"""How old an answer of the database may be: whoever asks, and however often, it is asked no more than once a second."""


@dataclass
class Health:
    """The /health routes."""

    database: Database
    clock: Callable[[], float] = time.monotonic
    _asking: asyncio.Task[Response] | None = field(default=None, repr=False)
    _answered: float = 0.0

    def routes(self) -> list[Route]:
        """Alive: this process answers. Ready: so does the database."""
        return [
            Route("/health", self.ready),
            Route("/health/ready", self.ready),
            Route("/health/live", self.live),
        ]

    async def live(self, _: Request) -> Response:
        """200 as long as anything answers at all."""
        return JSONResponse({"status": "ok", "checks": {}, "version": VERSION})

    async def ready(self, _: Request) -> Response:
        """200 when pages can be filled, else 503. All who ask at once, or soon after, get the same answer."""
        if self._asking is None or (self._asking.done() and self.clock() - self._answered >= _FRESH_S):
            self._asking = asyncio.create_task(self._ask())
        return await asyncio.shield(self._asking)

    async def _ask(self) -> Response:
        try:
            await asyncio.to_thread(self.database.read, None, _ask)
            return _answer("ok", "answers", 200)
        except DependencyDown as error:
            return _answer("unavailable", str(error), 503)
        finally:
            self._answered = self.clock()


async def _ask(db: Reader) -> None:
    await db.fetchval("SELECT 1")


def _answer(status: str, message: str, code: int) -> JSONResponse:
    checks = {"postgres": {"status": status, "message": message}}
    return JSONResponse({"status": status, "checks": checks, "version": VERSION}, code)
