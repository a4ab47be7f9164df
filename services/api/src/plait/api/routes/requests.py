"""`/api/requests`: exchanges."""

from __future__ import annotations

import asyncio
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query
from starlette.responses import Response, StreamingResponse

from plait.api import parameters, raw
from plait.api.admission import Admin
from plait.api.answers import Chunks, RequestPage
from plait.api.database import Source, Store
from plait.api.deleting import Outdated, delete
from plait.api.documents import answers, deletions, files
from plait.api.encoding import Json
from plait.api.errors import NotFound, Unreadable, reading
from plait.common.comparing import Comparison, compare
from plait.common.queries.exchanges import list_exchanges
from plait.common.queries.paging import Reader
from plait.common.queries.records import Exchange, Prompt, get_exchange, get_prompt, list_chunks
from plait.common.queries.whole import Damaged, read_one

router = APIRouter(prefix="/api/requests", tags=["requests"], dependencies=[Depends(parameters.once)])
RequestId = Annotated[UUID, Path(alias="id", description="Exchange id, as in the gateway's X-Request-ID.")]


@router.get("", responses=answers(RequestPage))
async def list_requests(source: Source, given: Annotated[parameters.RequestList, Query()]) -> Response:
    """Exchanges that match all filters, newest first."""
    listed = await list_exchanges(await source.pool(), given.filter, given.page)
    return Json(RequestPage(listed.rows, listed.pagination))


@router.delete("", responses=deletions())
async def delete_requests(store: Store, admin: Admin, given: Annotated[Outdated, Query()]) -> Response:
    """Delete exchanges that began before a moment, with all that was kept of them alone. Wants an admin key.

    What is left stands as if they had never been. A key of some domains deletes in these alone.
    """
    return await delete(store, admin, given.selections(admin.domains))


@router.get("/{id}", responses=answers(Exchange, found_by_id=True, kept=True), dependencies=[Depends(parameters.none)])
async def one_request(source: Source, request_id: RequestId) -> Response:
    """One exchange with its bodies, headers and evidence."""
    pool = await source.pool()
    with reading(request_id):
        exchange = await get_exchange(pool, request_id)
    if exchange is None:
        raise NotFound("request", request_id)
    return Json(exchange)


@router.get(
    "/{id}/chunks", responses=answers(Chunks, found_by_id=True, kept=True), dependencies=[Depends(parameters.none)]
)
async def chunks_of_request(source: Source, request_id: RequestId) -> Response:
    """The pieces of a streamed answer as they came; empty if it was not streamed."""
    pool = await source.pool()
    with reading(request_id):
        chunks = await list_chunks(pool, request_id)
    if chunks is None:
        raise NotFound("request", request_id)
    return Json(Chunks(chunks))


@router.get(
    "/{id}/raw",
    responses=files("Its messages, bodies as they were received.", "application/octet-stream", headers=raw.FIELDS),
)
async def raw_request(source: Source, request_id: RequestId, given: Annotated[parameters.RawOf, Query()]) -> Response:
    """An exchange as its two HTTP messages, secrets masked; content and transfer encodings of bodies are undone.

    `Plait-Request-Body` and `Plait-Response-Body` say what the bytes of each body are: `as-received`; `rewritten`, the
    same JSON value written anew (messages are kept once, not once for each time that they are sent); `folded`, the
    message that an event stream built, where the stream is no longer kept; `none`.
    """
    found = await read_one(await source.pool(), request_id)
    if found is None:
        raise NotFound("request", request_id)
    if isinstance(found, Damaged):
        raise Unreadable(request_id, found)
    headers = {**raw.origins(found), "Content-Disposition": f'attachment; filename="{request_id}.http"'}
    return StreamingResponse(raw.written(found, given.part), headers=headers, media_type="application/octet-stream")


@router.get(
    "/{a}/compare/{b}",
    responses=answers(Comparison, found_by_id=True, kept=True),
    dependencies=[Depends(parameters.none)],
)
async def compare_requests(
    source: Source,
    a: Annotated[UUID, Path(description="Exchange id.")],
    b: Annotated[UUID, Path(description="Exchange id of the one that is looked at beside it.")],
) -> Response:
    """What request `b` says that request `a` does not, and the other way round.

    Cache marks, which clients move from turn to turn, are left out. Messages are alike if all of them is; those that
    stand in each other's place and are of one role are `changed`.
    """
    pool = await source.pool()
    before, after = [await _prompt(pool, number) for number in (a, b)]
    return Json(await asyncio.to_thread(compare, (a, b), before, after))


async def _prompt(db: Reader, request_id: UUID) -> Prompt:
    with reading(request_id):
        prompt = await get_prompt(db, request_id)
    if prompt is None:
        raise NotFound("request", request_id)
    return prompt
