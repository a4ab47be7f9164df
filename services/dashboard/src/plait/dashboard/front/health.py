"""Health of the dashboard, open to whoever asks: it says what answers, never what is stored."""

from __future__ import annotations

import asyncio
from importlib.metadata import version
from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from plait.common.errors import DependencyDown
from plait.common.queries.paging import Reader
from plait.dashboard.database import Database

VERSION: Final = version("plait-dashboard")


class Health:
    """The /health routes."""

    def __init__(self, database: Database) -> None:
        self.database = database

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
        """200 when pages can be filled, else 503."""
        try:
            await asyncio.to_thread(self.database.read, None, _ask)
        except DependencyDown as error:
            return _answer("unavailable", str(error), 503)
        return _answer("ok", "answers", 200)


async def _ask(db: Reader) -> None:
    await db.fetchval("SELECT 1")


def _answer(status: str, message: str, code: int) -> JSONResponse:
    checks = {"postgres": {"status": status, "message": message}}
    return JSONResponse({"status": status, "checks": checks, "version": VERSION}, code)
