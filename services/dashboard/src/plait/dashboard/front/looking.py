"""What an address under /api names, looked up for who asks. The gate has let them in."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar
from uuid import UUID

from starlette.exceptions import HTTPException
from starlette.requests import Request

from plait.common.errors import DependencyDown
from plait.common.queries.paging import Reader
from plait.dashboard.database import Database

_UNKNOWN: Final = "Nothing is recorded under this id."
T = TypeVar("T")
Find = Callable[[Reader, UUID], Awaitable[T | None]]
"""Finds what an id names; None: nothing."""


async def look_up(request: Request, database: Database, find: Find[T]) -> T | None:
    """What the id in the address names, None if there is no such thing for the visitor.

    Raises:
        HTTPException: 503, that cannot be looked up.
    """
    try:
        return await asyncio.to_thread(database.read, request.state.grant.domains, find, request.path_params["id"])
    except DependencyDown as down:
        raise HTTPException(503, str(down)) from down


async def named(request: Request, database: Database, find: Find[T]) -> T:
    """What the id in the address names.

    Raises:
        HTTPException: 404, there is no such thing for the visitor; 503, that cannot be looked up.
    """
    found = await look_up(request, database, find)
    if found is None:
        raise HTTPException(404, _UNKNOWN)
    return found
