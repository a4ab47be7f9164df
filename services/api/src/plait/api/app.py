"""The application: routes, errors, the key and the documents, put together."""

from __future__ import annotations

from importlib.metadata import version
from typing import Final

from fastapi import FastAPI
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import HTMLResponse, Response

from plait.api import documents, errors, page
from plait.api.database import Database
from plait.api.encoding import Json
from plait.api.front import BoundedBody, CallId, KeyGate
from plait.api.live.view import Live
from plait.api.routes import analyses, conversations, health, requests, search, sessions, statistics, token_usage, usage
from plait.api.routes import live as live_routes
from plait.api.tagging import EntityTags
from plait.api.throttle import Throttle
from plait.common.access.doors import Doors
from plait.common.settings import LimitSettings

_WORDS = (
    "Recorded Claude traffic: exchanges, the conversations they form, and what they used. Times are UTC. Everything"
    " under /api wants the key, as X-Dashboard-Key, X-API-Key, or Authorization: Bearer."
)
_WORTH_COMPRESSING: Final = 1400
"""Bytes below which an answer fits a packet as it is."""
_LEVEL: Final = 6
"""Of gzip: a third of the time of the highest for a few per cent more bytes."""


def create_app(
    database: Database,
    keys: Doors | str | None,
    *,
    calls_per_minute: int = 0,
    live: Live | None = None,
    limits: LimitSettings | None = None,
) -> FastAPI:
    """The read API on a database; without a key it refuses everything but its health and documents.

    `keys`: all that open it, or the one that opens everything to readers. `live`: what happens now, where there is a
    broker. `limits`: what accounts may use; else as the environment says.
    """
    doors = keys if isinstance(keys, Doors) else Doors(viewer=keys)
    app = FastAPI(
        title="Plait read API",
        version=version("plait-api"),
        description=_WORDS,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=lambda route: route.name,  # what generators of clients call it
        middleware=[
            Middleware(CallId),
            Middleware(KeyGate, doors=doors, throttle=Throttle(calls_per_minute)),
            Middleware(GZipMiddleware, minimum_size=_WORTH_COMPRESSING, compresslevel=_LEVEL),
            Middleware(EntityTags),
            Middleware(BoundedBody),
        ],
    )
    app.state.database, app.state.doors, app.state.live = database, doors, live
    app.state.limits = limits or LimitSettings()
    told = (requests, conversations, analyses, live_routes, search, sessions, statistics, usage, token_usage, health)
    for module in told:
        app.include_router(module.router)
    errors.install(app)
    _publish(app)
    return app


def _publish(app: FastAPI) -> None:
    async def openapi() -> Response:
        return Json(documents.openapi(app))

    async def docs() -> Response:
        return HTMLResponse(page.render(documents.openapi(app)), headers=page.HEADERS)

    app.add_api_route("/openapi.json", openapi, include_in_schema=False)
    app.add_api_route("/docs", docs, include_in_schema=False)
