"""`/api/requests`: exchanges."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query
from starlette.responses import Response

from plait.api import parameters
from plait.api.answers import Chunks, RequestPage
from plait.api.database import Source
from plait.api.documents import answers
from plait.api.encoding import Json
from plait.api.errors import NotFound
from plait.common.queries.exchanges import list_exchanges
from plait.common.queries.records import Exchange, get_exchange, list_chunks

router = APIRouter(prefix="/api/requests", tags=["requests"], dependencies=[Depends(parameters.once)])
RequestId = Annotated[UUID, Path(alias="id", description="Exchange id, as in the gateway's X-Request-ID.")]


@router.get("", responses=answers(RequestPage))
async def list_requests(source: Source, given: Annotated[parameters.RequestList, Query()]) -> Response:
    """Exchanges that match all filters, newest first."""
    listed = await list_exchanges(await source.pool(), given.filter, given.page)
    return Json(RequestPage(listed.rows, listed.pagination))


@router.get("/{id}", responses=answers(Exchange, found_by_id=True), dependencies=[Depends(parameters.none)])
async def one_request(source: Source, request_id: RequestId) -> Response:
    """One exchange with its bodies, headers and evidence."""
    if exchange := await get_exchange(await source.pool(), request_id):
        return Json(exchange)
    raise NotFound("request", request_id)


@router.get("/{id}/chunks", responses=answers(Chunks, found_by_id=True), dependencies=[Depends(parameters.none)])
async def chunks_of_request(source: Source, request_id: RequestId) -> Response:
    """The pieces of a streamed answer as they came; empty if it was not streamed."""
    chunks = await list_chunks(await source.pool(), request_id)
    if chunks is None:
        raise NotFound("request", request_id)
    return Json(Chunks(chunks))
