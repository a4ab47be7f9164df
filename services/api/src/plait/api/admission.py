"""What a route may ask of the key that a call came with."""

from __future__ import annotations

from typing import Annotated, Final
from urllib.parse import quote

from fastapi import Depends, Request
from starlette.exceptions import HTTPException

from plait.api.database import Database
from plait.common.access.grants import Grant
from plait.common.queries.administration import note_action

_READER: Final = (
    "This key reads. What you ask for wants an admin key: ADMIN_API_KEY, or one made by `plait keys new --role admin`."
)


async def grant_of(request: Request) -> Grant:
    """What the call's key opens."""
    grant: Grant = request.state.grant
    return grant


async def require_admin(request: Request) -> Grant:
    """Refuse a call without an admin key; one with it is written down before anything is done.

    A key of some domains is an admin's in them alone: the route must look for what it changes through its `Source`.

    Raises:
        HTTPException: 403, it is a viewer's.
        DependencyDown: it cannot be written down.
    """
    grant = await grant_of(request)
    if not grant.is_admin:
        raise HTTPException(403, _READER)
    database: Database = request.app.state.database
    await note_action(
        await database.asking(),
        key_name=grant.name,
        method=request.method,
        path=quote(request.url.path),  # in it may be what no text of Postgres can hold, and what steers a terminal
        query=request.url.query,
        request_id=request.state.request_id,
    )
    return grant


Admitted = Annotated[Grant, Depends(grant_of)]
"""What a route declares to know what the key opens."""
Admin = Annotated[Grant, Depends(require_admin)]
"""What a route declares that is for administrators alone."""
