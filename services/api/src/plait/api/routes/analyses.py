"""`/api/analyses`: what a model says of branches of conversations."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated
from uuid import UUID

import asyncpg
from fastapi import APIRouter, Body, Depends, Path, Query, Request
from starlette.exceptions import HTTPException
from starlette.responses import Response

from plait.api import parameters
from plait.api.admission import Admitted
from plait.api.answers import AnalysisAsked, AnalysisPage
from plait.api.database import Shown, Source, Store
from plait.api.documents import answers, askings, described
from plait.api.encoding import Json
from plait.api.errors import NotFound
from plait.common import analyses
from plait.common.analyses import Action, Asked, Caller, TooMany
from plait.common.queries.analyses import Analysis, BranchPlace, Sought, find_branch, get_analysis
from plait.common.queries.analyses import list_analyses as find

router = APIRouter(prefix="/api/analyses", tags=["analyses"], dependencies=[Depends(parameters.once)])
ConversationId = Annotated[UUID, Path(alias="conversationId", description="Its id, or an older id of it.")]
BranchId = Annotated[parameters.Text, Path(alias="branchId", description="Name of the branch.")]
_ONE = "/{conversationId}/{branchId}"
_QUEUED = "The analysis is queued."
_KNOWN = {
    "pending": "The analysis waits to be made.",
    "processing": "The analysis is being made.",
    "completed": "The analysis is there.",
    "failed": "The analysis has failed just now: ask again.",
}


async def _caller(request: Request, grant: Admitted) -> Caller:
    return Caller(f"key {grant.name}", request.state.request_id)


Who = Annotated[Caller, Depends(_caller)]


@router.get("", responses=answers(AnalysisPage))
async def list_analyses(
    source: Source, store: Store, who: Who, given: Annotated[parameters.AnalysisList, Query()]
) -> Response:
    """Analyses that match all filters, without what they say in full; those asked for last first."""
    await analyses.note(await store.asking(), who, "list", "done", None)
    listed = await find(await source.pool(), given.filter, given.page)
    return Json(AnalysisPage(listed.rows, listed.pagination))


@router.post(
    "",
    responses={
        **askings(AnalysisAsked, also="There is one already, done or on its way."),
        201: described(AnalysisAsked, "It is queued."),
    },
    dependencies=[Depends(parameters.none)],
)
async def ask_for_analysis(
    source: Source, store: Store, who: Who, given: Annotated[parameters.AnalysisOf, Body()]
) -> Response:
    """Ask for an analysis of a branch.

    One that is there, or on its way, is not made again (see regenerate); one that failed is queued anew. A domain may
    ask fifteen times a minute.
    """
    db = await store.asking()
    where = await _branch(source, db, who, "request", given.conversation_id, given.branch_id)
    with _counted():
        asked = await analyses.ask(db, where, who, given.custom_prompt)
    return _told(asked, 201 if asked.is_queued else 200)


@router.get(_ONE, responses=answers(Analysis, found_by_id=True), dependencies=[Depends(parameters.none)])
async def one_analysis(
    source: Source, store: Store, who: Who, conversation_id: ConversationId, branch_id: BranchId
) -> Response:
    """The analysis of a branch: how far it is, and what it says.

    While one is made anew, and after that failed, `content` and `data` are the last good ones. A domain's may be read a
    hundred times a minute.
    """
    db = await store.asking()
    where = await _branch(source, db, who, "read", conversation_id, branch_id)
    found = await get_analysis(await source.pool(), where.conversation_id, branch_id)
    with _counted():
        await analyses.admit_reader(db, where, who, found=found is not None)
    if found is None:
        raise _never_asked(where)
    return Json(found)


@router.post(
    f"{_ONE}/regenerate",
    responses=askings(AnalysisAsked, also="It is queued anew."),
    dependencies=[Depends(parameters.none)],
)
async def regenerate_analysis(
    source: Source,
    store: Store,
    who: Who,
    conversation_id: ConversationId,
    branch_id: BranchId,
    given: Annotated[parameters.AnalysisWish | None, Body()] = None,
) -> Response:
    """Have an analysis made anew, whatever became of it: with this custom prompt, or without one.

    What the last one says stays until the new one is there. It counts as one that is asked for. One that is on its way
    with the same prompt goes on, and is not made twice.
    """
    db = await store.asking()
    where = await _branch(source, db, who, "regenerate", conversation_id, branch_id)
    with _counted():
        asked = await analyses.regenerate(db, where, who, given.custom_prompt if given else None)
    if asked is None:
        raise _never_asked(where)
    return _told(asked, 200)


async def _branch(
    source: Shown, db: asyncpg.Pool, who: Caller, action: Action, conversation_id: UUID, branch_id: str
) -> BranchPlace:
    """The branch that is meant, if the key shows it; who asks for another is written down too.

    Raises:
        NotFound: there is no such.
    """
    found = await find_branch(await source.pool(), conversation_id, branch_id)
    if found is None:
        sought = Sought(conversation_id=conversation_id, branch_id=branch_id)
        await analyses.note(db, who, action, "not_found", sought)
        raise NotFound("branch of a conversation", f"{conversation_id}/{branch_id}")
    return found


@contextmanager
def _counted() -> Iterator[None]:
    try:
        yield
    except TooMany as error:
        raise HTTPException(429, str(error), {"Retry-After": str(math.ceil(error.wait_s))}) from error


def _never_asked(where: BranchPlace) -> NotFound:
    return NotFound("analysis", f"{where.conversation_id}/{where.branch_id}: POST /api/analyses asks for one")


def _told(asked: Asked, status: int) -> Response:
    message = _QUEUED if asked.is_queued else _KNOWN[asked.status]
    return Json(AnalysisAsked(message=message, analysis_id=asked.analysis_id, status=asked.status), status)
