"""`/health`: whether this part lives, and whether it can answer. No key is needed."""

from __future__ import annotations

import asyncio
from importlib.metadata import version
from typing import Final

import asyncpg
from fastapi import APIRouter, Request
from starlette.responses import Response

from plait.api.answers import Check, Health
from plait.api.database import Database
from plait.api.documents import described
from plait.api.encoding import Json
from plait.api.live.view import Live
from plait.common.errors import DependencyDown
from plait.common.migrate import migrations
from plait.common.postgres import DOWN, NoRole
from plait.common.queries.schema import count_migrations

router = APIRouter(prefix="/health", tags=["health"])
_RANK: Final = ("ok", "degraded", "unavailable")
_PATIENCE: Final = 3.0
"""Seconds that the database has to answer."""


@router.get("/live", responses={200: described(Health)})
@router.get("/liveliness", responses={200: described(Health)}, include_in_schema=False)
async def live() -> Response:
    """This process runs."""
    return Json(Health("ok", {}, version("plait-api")))


@router.get("", responses={200: described(Health), 503: described(Health)})
@router.get("/ready", operation_id="readiness", responses={200: described(Health), 503: described(Health)})
async def ready(request: Request) -> Response:
    """Whether questions can be answered: 503 if not."""
    state = request.app.state
    checks = {"database": await _database(state.database), "key": _key(state.doors.has_keys())}
    if state.live is not None:
        checks["live"] = _live(state.live)
    worst = max((check.status for check in checks.values()), key=_RANK.index)
    return Json(Health(worst, checks, version("plait-api")), 503 if worst == "unavailable" else 200)


async def _database(database: Database) -> Check:
    try:
        async with asyncio.timeout(_PATIENCE):
            applied = await count_migrations(await database.pool())
    except asyncpg.UndefinedTableError:
        return Check("unavailable", "The database has no tables: run `plait migrate`.")
    except NoRole:
        return Check("unavailable", "The database has no role for the API: run `plait migrate`.")
    except (DependencyDown, *DOWN, asyncpg.PostgresError) as error:
        return Check("unavailable", f"Postgres does not answer: {type(error).__name__}.")
    lacking = len(migrations()) - applied
    if lacking > 0:
        return Check("unavailable", f"{lacking} migrations are missing: run `plait migrate`.")
    return Check("ok", "Postgres answers.")


def _live(live: Live) -> Check:
    """Lists and records are answered without the broker; only what happens now is not told."""
    if live.feed.is_reading:
        return Check("ok", "The broker's topics are followed.")
    return Check("degraded", "The broker does not answer, or has no topics yet: live events wait for it.")


def _key(has_key: bool) -> Check:
    return Check("ok", "A key is set.") if has_key else Check("degraded", "No key is configured: all is refused.")
